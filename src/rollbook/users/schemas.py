"""Users in requests and responses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    ConfigDict,
    Field,
    ValidationInfo,
    model_validator,
)

from rollbook.kit.field_types import Id, Pattern, Timestamp
from rollbook.kit.schemas import In, Out, absent_if_null, omittable
from rollbook.metadata.values import Metadata, MetadataOut
from rollbook.roles.schemas import RoleName
from rollbook.users import field_rules
from rollbook.users.fields import (
    CurrentPassword,
    Email,
    ExternalId,
    Locale,
    Name,
    Password,
    PersonName,
    Phone,
    Username,
    derive_name,
)

EXTERNAL_ID = "the id of the user in another system; unique, and `ext:<external_id>` is a reference"
UserId = Annotated[str, Pattern("^[0-9a-f]{24}$", "24 lower-case hex digits.")]
LOCALE = "the language of messages and pages"
EMAIL_VERIFIED = "the address is the user's own; needs `users:set_credentials`"
METADATA = "what the app keeps with the user, who reads and writes it"
APP_METADATA = "what the app keeps with the user, who only reads it; `users:update` writes"
PRIVATE_METADATA = "what only `users:read_private` reads and writes"
MERGED = "; merged by RFC 7396"


@dataclass(frozen=True)
class Viewer:
    """Who reads a user; the context in which UserOut is validated."""

    may_read_private: bool


class UserCreate(In):
    """A new user."""

    id: Annotated[
        UserId | None, Field(description="of a user who is imported; needs `users:import`")
    ] = None

    name: Annotated[
        Name | None,
        Field(
            description="if left out: first_name and last_name, else username, else the part of "
            "email before the @"
        ),
    ] = None
    email: Email
    password: Password
    username: Username | None = None
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    phone: Phone | None = None
    locale: Annotated[Locale | None, Field(description=LOCALE)] = None
    external_id: Annotated[ExternalId | None, Field(description=EXTERNAL_ID)] = None
    role: Annotated[RoleName, Field(examples=["user"])] = "user"
    is_active: Annotated[bool, Field(description="false: cannot sign in", examples=[True])] = True
    email_verified: Annotated[bool, Field(description=EMAIL_VERIFIED, examples=[False])] = False
    metadata: Annotated[
        Metadata, Field(default_factory=dict, description=METADATA, examples=[{"team": "blue"}])
    ]
    app_metadata: Annotated[Metadata, Field(default_factory=dict, description=APP_METADATA)]
    private_metadata: Annotated[Metadata, Field(default_factory=dict, description=PRIVATE_METADATA)]

    @model_validator(mode="after")
    def _derive_name(self, info: ValidationInfo[Mapping[str, int]]) -> Self:
        if self.name is None:
            limit = info.context["name_max_length"]
            self.name = derive_name(
                self.first_name, self.last_name, self.username, self.email, limit
            )
        return self


class UserPatch(In):
    """What to change. A field that is left out stays; null clears an optional one (RFC 7396)."""

    name: Annotated[Name, field_rules.NAME] = omittable()
    email: Annotated[Email, field_rules.EMAIL] = omittable()
    password: Annotated[Password, field_rules.PASSWORD] = omittable()
    username: Annotated[Username | None, field_rules.NAME] = None
    first_name: Annotated[PersonName | None, field_rules.NAME] = None
    last_name: Annotated[PersonName | None, field_rules.NAME] = None
    phone: Annotated[Phone | None, field_rules.PROFILE] = None
    locale: Annotated[Locale | None, Field(description=LOCALE), field_rules.PROFILE] = None
    external_id: Annotated[
        ExternalId | None, Field(description=EXTERNAL_ID), field_rules.EXTERNAL_ID
    ] = None
    role: Annotated[RoleName, Field(examples=["user"]), field_rules.ROLE] = omittable()
    is_active: Annotated[bool, Field(examples=[True]), field_rules.STATE] = omittable()
    email_verified: Annotated[
        bool, Field(description=EMAIL_VERIFIED, examples=[True]), field_rules.VERIFICATION
    ] = omittable()
    metadata: Annotated[
        Metadata | None,
        Field(description=METADATA + MERGED, examples=[{"team": "red"}]),
        field_rules.PROFILE,
    ] = None
    app_metadata: Annotated[
        Metadata | None,
        Field(description=APP_METADATA + MERGED, examples=[{"team": "red"}]),
        field_rules.APP_METADATA,
    ] = None
    private_metadata: Annotated[
        Metadata | None,
        Field(description=PRIVATE_METADATA + MERGED, examples=[{"team": "red"}]),
        field_rules.PRIVATE_METADATA,
    ] = None
    current_password: Annotated[CurrentPassword, field_rules.PROOF] = omittable()


class UserOut(Out):
    """A user, as everyone who may read one sees it."""

    has_etag: ClassVar = True

    id: Id
    name: Annotated[str, Field(examples=["Ada Lovelace"])]
    email: Annotated[str, Field(examples=["ada@example.com"])]
    email_verified_at: Annotated[
        Timestamp | None, Field(description="null: not verified", examples=[None])
    ] = None
    pending_email: Annotated[
        str | None,
        Field(description="the new address, until its owner has confirmed it", examples=[None]),
    ] = None
    username: Annotated[str | None, Field(examples=["ada"])] = None
    first_name: Annotated[str | None, Field(examples=["Ada"])] = None
    last_name: Annotated[str | None, Field(examples=["Lovelace"])] = None
    phone: Annotated[str | None, Field(examples=["+442079460958"])] = None
    locale: Annotated[str | None, Field(examples=["fr-CA"])] = None
    external_id: Annotated[str | None, Field(examples=["auth0|5f7c8ec7c33c6c004bbafe82"])] = None
    role: Annotated[str, Field(examples=["user"])]
    is_active: Annotated[bool, Field(examples=[True])]
    created_at: Timestamp
    updated_at: Timestamp
    last_login: Annotated[Timestamp | None, Field(examples=[None])] = None
    metadata: Annotated[MetadataOut, Field(default_factory=dict, description=METADATA)]
    app_metadata: Annotated[MetadataOut, Field(default_factory=dict, description=APP_METADATA)]
    private_metadata: Annotated[
        MetadataOut | None, absent_if_null(description=PRIVATE_METADATA, examples=[{"risk": 3}])
    ] = None
    version: Annotated[int, Field(ge=1, examples=[1])]

    @model_validator(mode="after")
    def _hide_private(self, info: ValidationInfo[Viewer | None]) -> Self:
        """Hide what only some callers may read. Without a viewer, nobody may."""
        if info.context is None or not info.context.may_read_private:
            self.private_metadata = None
        elif self.private_metadata is None:
            self.private_metadata = {}
        return self


def _require_nothing(schema: dict[str, Any]) -> None:
    schema.pop("required", None)
    schema["additionalProperties"] = False


class UserListOut(UserOut):
    """A user in a list: the requested `fields`, or all but `deleted_at`.

    `deleted_at` comes with `include_deleted`.
    """

    model_config = ConfigDict(json_schema_extra=_require_nothing)

    deleted_at: Annotated[Timestamp | None, Field(examples=[None])] = None


FIELD_RULES = field_rules.collect_field_rules(UserPatch)


class UserDelete(In):
    """Proof that the caller is the owner, to delete one's own account. May be left out."""

    current_password: CurrentPassword | None = None
