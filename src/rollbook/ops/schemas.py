"""Health on the wire."""

from typing import Annotated, Literal

from pydantic import Field, RootModel

from rollbook.kit.schemas import Out


class Pong(RootModel[Literal["pong"]]):
    root: Annotated[Literal["pong"], Field(examples=["pong"])]


class HealthOut(Out):
    status: Annotated[Literal["alive"], Field(examples=["alive"])]
    version: Annotated[str, Field(examples=["0.1.0"])]
    auth_required: Annotated[bool, Field(description="false: every caller may do everything", examples=[True])]


class ReadyOut(Out):
    status: Annotated[Literal["ready"], Field(examples=["ready"])]
