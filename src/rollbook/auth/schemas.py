"""Signing in: requests and responses."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rollbook.access.permissions import Permission
from rollbook.kit.schemas import In, Out, omittable
from rollbook.users.fields import COMPARED_PASSWORD, MAX_COMPARED_LENGTH
from rollbook.users.schemas import UserOut

A_USER: dict[str, Any] = {
    name: field.examples[0] for name, field in UserOut.model_fields.items() if field.examples
}
A_REFRESH_TOKEN = "Q2hhcmxlcyBCYWJiYWdl.QWRhIExvdmVsYWNl"
AN_ACCESS_TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI2NjVm.c2ln"
EITHER: dict[str, Any] = {"oneOf": [{"required": ["email"]}, {"required": ["username"]}]}

Identifier = Annotated[str, Field(min_length=1, max_length=320)]


class LoginIn(In):
    """An e-mail address or a username, and the password.

    What cannot be an address or a username gets the same response as a wrong one.
    """

    model_config = ConfigDict(json_schema_extra=EITHER)

    email: Annotated[Identifier, Field(examples=["ada@example.com"])] = omittable()
    username: Identifier = omittable()
    password: Annotated[
        SecretStr,
        WithJsonSchema(COMPARED_PASSWORD),
        Field(
            min_length=1,
            max_length=MAX_COMPARED_LENGTH,
            examples=["correct horse battery staple"],
        ),
    ]

    @model_validator(mode="after")
    def _require_one_identifier(self) -> Self:
        if len({"email", "username"} & self.model_fields_set) != 1:
            raise PydanticCustomError("one_of_two", "Send either email or username.")
        return self


class RefreshIn(In):
    refresh_token: Annotated[str, Field(min_length=1, max_length=512, examples=[A_REFRESH_TOKEN])]


class SignedInOut(Out):
    """Send the access token as `Authorization: Bearer …`. A refresh token is valid once."""

    access_token: Annotated[str, Field(examples=[AN_ACCESS_TOKEN])]
    refresh_token: Annotated[str, Field(examples=[A_REFRESH_TOKEN])]
    token_type: Annotated[Literal["Bearer"], Field(examples=["Bearer"])]
    expires_in: Annotated[
        int, Field(description="seconds until the access token expires", examples=[900])
    ]
    user: Annotated[UserOut, Field(examples=[A_USER])]


class MeOut(UserOut):
    """The caller and their permissions, which depend on the role and not on the version."""

    has_etag: ClassVar = False

    permissions: Annotated[list[Permission], Field(examples=[["users:list", "users:read"]])]
