"""Signing in, on the wire."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rollbook.access.permissions import Permission
from rollbook.kit.schemas import In, Out, may_be_left_out
from rollbook.users.fields import LONGEST_GIVEN, WHATEVER_IT_IS
from rollbook.users.schemas import UserOut

A_USER: dict[str, Any] = {name: field.examples[0] for name, field in UserOut.model_fields.items() if field.examples}
A_TOKEN = "Q2hhcmxlcyBCYWJiYWdl.QWRhIExvdmVsYWNl"
ONE_OF_TWO: dict[str, Any] = {"oneOf": [{"required": ["email"]}, {"required": ["username"]}]}

Identifier = Annotated[str, Field(min_length=1, max_length=320)]


class LoginIn(In):
    """An e-mail address or a username, and the password. Whatever cannot be one is answered as a wrong one is."""

    model_config = ConfigDict(json_schema_extra=ONE_OF_TWO)

    email: Annotated[Identifier, Field(examples=["ada@example.com"])] = may_be_left_out()
    username: Identifier = may_be_left_out()
    password: Annotated[
        SecretStr,
        WithJsonSchema(WHATEVER_IT_IS),
        Field(min_length=1, max_length=LONGEST_GIVEN, examples=["correct horse battery staple"]),
    ]

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if len({"email", "username"} & self.model_fields_set) != 1:
            raise PydanticCustomError("one_of_two", "Send email or username, one of the two.")
        return self


class RefreshIn(In):
    refresh_token: Annotated[str, Field(min_length=1, max_length=512, examples=[A_TOKEN])]


class SignedInOut(Out):
    """The access token goes into `Authorization: Bearer …`; the refresh token is good once, for the next pair."""

    access_token: Annotated[str, Field(examples=["eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI2NjVm.c2ln"])]
    refresh_token: Annotated[str, Field(examples=[A_TOKEN])]
    token_type: Annotated[Literal["Bearer"], Field(examples=["Bearer"])]
    expires_in: Annotated[int, Field(description="seconds until the access token expires", examples=[900])]
    user: Annotated[UserOut, Field(examples=[A_USER])]


class MeOut(UserOut):
    """The caller, and what they may do. That depends on their role, so their version does not tell all of it."""

    tagged: ClassVar = False

    permissions: Annotated[list[Permission], Field(examples=[["users:list", "users:read"]])]
