"""Signing in: requests and responses."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from rollbook.kit.schemas import In, Out, absent_if_null, omittable
from rollbook.users.fields import COMPARED_PASSWORD, MAX_COMPARED_LENGTH
from rollbook.users.schemas import UserOut

A_USER: dict[str, Any] = {
    name: field.examples[0] for name, field in UserOut.model_fields.items() if field.examples
}
A_REFRESH_TOKEN = "Q2hhcmxlcyBCYWJiYWdl.QWRhIExvdmVsYWNl"
AN_ACCESS_TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI2NjVm.c2ln"

WANTS_COOKIE = "true: the refresh token is a cookie, not in the body; needs REFRESH_COOKIE=true"

RefreshCookieFlag = Annotated[bool, Field(description=WANTS_COOKIE, examples=[False])]
Identifier = Annotated[str, Field(min_length=1, max_length=320)]


def _publish_alternatives(schema: dict[str, Any], required: dict[str, list[str]]) -> None:
    """Publish alternatives by name, since generators of clients ignore those of `required`.

    An alternative has its required fields, and those that no alternative requires.
    """
    properties, shared = schema["properties"], schema.copy()
    schema.clear()
    schema |= {word: shared[word] for word in ("title", "description")}
    anywhere = {field for fields in required.values() for field in fields}
    schema["oneOf"] = [
        {
            "title": title,
            "type": "object",
            "additionalProperties": False,
            "properties": {
                field: part
                for field, part in properties.items()
                if field in fields or field not in anywhere
            },
            "required": fields,
        }
        for title, fields in required.items()
    ]


def _publish_logins(schema: dict[str, Any]) -> None:
    fields = {f"{each.capitalize()}Login": [each, "password"] for each in ("email", "username")}
    _publish_alternatives(schema, fields)


def _publish_refreshes(schema: dict[str, Any]) -> None:
    cookie = schema["properties"]["refresh_cookie"]
    fields = {"TokenRefresh": ["refresh_token"], "CookieRefresh": ["refresh_cookie"]}
    _publish_alternatives(schema, fields)
    with_token, with_cookie = schema["oneOf"]
    with_token["properties"]["refresh_cookie"] = cookie
    only = {"const": True, "examples": [True]}
    named = {word: part for word, part in cookie.items() if word != "default"}
    with_cookie["properties"] = {"refresh_cookie": named | only}


class LoginIn(In):
    """An e-mail address or a username, and the password.

    What cannot be an address or a username gets the same response as a wrong one.
    """

    model_config = ConfigDict(json_schema_extra=_publish_logins)

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
    refresh_cookie: RefreshCookieFlag = False

    @model_validator(mode="after")
    def _require_one_identifier(self) -> Self:
        if len({"email", "username"} & self.model_fields_set) != 1:
            raise PydanticCustomError("one_of_two", "Send either email or username.")
        return self


class RefreshIn(In):
    """The refresh token, in the body or in the cookie.

    With both `refresh_token` and `refresh_cookie`, the successor of that token goes into the
    cookie.
    """

    model_config = ConfigDict(json_schema_extra=_publish_refreshes)

    refresh_token: Annotated[
        str, Field(min_length=1, max_length=512, examples=[A_REFRESH_TOKEN])
    ] = omittable()
    refresh_cookie: RefreshCookieFlag = False

    @model_validator(mode="after")
    def _require_token_or_cookie(self) -> Self:
        if not self.refresh_cookie and "refresh_token" not in self.model_fields_set:
            raise PydanticCustomError("missing", "Send refresh_token, or refresh_cookie: true.")
        return self


class LogoutIn(In):
    """`refresh_cookie` ends the session of the cookie, also without an access token."""

    refresh_cookie: RefreshCookieFlag = False


class SignedInOut(Out):
    """Send the access token as `Authorization: Bearer …`. A refresh token is valid once."""

    access_token: Annotated[str, Field(examples=[AN_ACCESS_TOKEN])]
    refresh_token: Annotated[
        str | None,
        absent_if_null(description="absent when it is in the cookie", examples=[A_REFRESH_TOKEN]),
    ] = None
    token_type: Annotated[Literal["Bearer"], Field(examples=["Bearer"])]
    expires_in: Annotated[
        int, Field(description="seconds until the access token expires", examples=[900])
    ]
    user: Annotated[UserOut, Field(examples=[A_USER])]


class MeOut(UserOut):
    """The caller and their permissions, which depend on the role and not on the version."""

    has_etag: ClassVar = False

    permissions: Annotated[list[str], Field(examples=[["users:list", "users:read"]])]
