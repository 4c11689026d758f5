"""Health and readiness in responses."""

from typing import Annotated, Literal

from pydantic import Field, RootModel

from rollbook.kit.schemas import Out


class Pong(RootModel[Literal["pong"]]):
    root: Annotated[Literal["pong"], Field(examples=["pong"])]


class HealthOut(Out):
    status: Annotated[Literal["alive"], Field(examples=["alive"])]
    version: Annotated[str, Field(examples=["0.3.0"])]
    auth_required: Annotated[
        bool, Field(description="false: every caller may do everything", examples=[True])
    ]


class DetailOut(Out):
    """A problem that the operator should solve, although requests are served."""

    field: Annotated[str, Field(examples=["clock"])]
    code: Annotated[str, Field(examples=["clock_skew"])]
    message: Annotated[
        str, Field(examples=["The clock of this machine is 40 s ahead of MongoDB's."])
    ]


class ReadyOut(Out):
    status: Annotated[Literal["ready"], Field(examples=["ready"])]
    details: Annotated[list[DetailOut], Field(description="empty without a problem", examples=[[]])]
