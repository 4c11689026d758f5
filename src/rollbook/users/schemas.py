"""Users in requests and responses."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo, model_validator

from rollbook.kit.field_types import Id, Pattern, QueryFlag, QueryTimestamp, Timestamp
from rollbook.kit.listing import PageRequest, parse_sort
from rollbook.kit.schemas import In, Out, PageQuery, Query, omittable
from rollbook.roles.schemas import RoleName
from rollbook.users import field_rules
from rollbook.users.fields import (
    CurrentPassword,
    Email,
    Name,
    Password,
    PersonName,
    Phone,
    Username,
    derive_name,
)
from rollbook.users.filters import (
    DeletedFilter,
    Filter,
    PrefixFilter,
    Selection,
    collect_filters,
)
from rollbook.users.references import get_email_key, get_username_key

SORT_KEYS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "name": "name_key",
    "email": "email_key",
    "username": "username_key",
    "last_login": "last_login",
}
"""Sort key → stored field. A closed set: an order by a hidden field would reveal its values."""
_SORT_KEY = rf"-?({'|'.join(SORT_KEYS)})"


class UserCreate(In):
    """A new user."""

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
    role: Annotated[RoleName, Field(examples=["user"])] = "user"
    is_active: Annotated[bool, Field(description="false: cannot sign in", examples=[True])] = True

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
    role: Annotated[RoleName, Field(examples=["user"]), field_rules.ROLE] = omittable()
    is_active: Annotated[bool, Field(examples=[True]), field_rules.STATE] = omittable()
    current_password: Annotated[CurrentPassword, field_rules.PROOF] = omittable()


class UserOut(Out):
    """A user, as everyone who may read one sees it."""

    has_etag: ClassVar = True

    id: Id
    name: Annotated[str, Field(examples=["Ada Lovelace"])]
    email: Annotated[str, Field(examples=["ada@example.com"])]
    username: Annotated[str | None, Field(examples=["ada"])] = None
    first_name: Annotated[str | None, Field(examples=["Ada"])] = None
    last_name: Annotated[str | None, Field(examples=["Lovelace"])] = None
    phone: Annotated[str | None, Field(examples=["+442079460958"])] = None
    role: Annotated[str, Field(examples=["user"])]
    is_active: Annotated[bool, Field(examples=[True])]
    created_at: Timestamp
    updated_at: Timestamp
    last_login: Annotated[Timestamp | None, Field(examples=[None])] = None
    version: Annotated[int, Field(ge=1, examples=[1])]


def _require_nothing(schema: dict[str, Any]) -> None:
    schema.pop("required", None)
    schema["additionalProperties"] = False


class UserListOut(UserOut):
    """A user in a list: the requested `fields`, or all but `deleted_at`.

    `deleted_at` comes with `include_deleted`.
    """

    model_config = ConfigDict(json_schema_extra=_require_nothing)

    deleted_at: Annotated[Timestamp | None, Field(examples=[None])] = None


LIST_FIELDS = tuple(UserListOut.model_fields)
_LIST_FIELD = f"({'|'.join(LIST_FIELDS)})"


def _parse_prefix(q: str) -> str | None:
    """Parse a prefix. A blank one counts as absent. A search box may put a blank in front."""
    return q.lstrip() or None


class UserQuery(PageQuery):
    sort: Annotated[
        str,
        Field(
            max_length=200,
            description="keys separated by commas, `-` for descending; the id breaks ties",
            examples=["name,-created_at"],
        ),
        Pattern(
            rf"^{_SORT_KEY}(,{_SORT_KEY})*$",
            f"Keys separated by commas: {' '.join(SORT_KEYS)}, `-` for descending.",
        ),
    ] = "-created_at"
    role: Annotated[
        RoleName | None,
        Field(examples=["user"]),
        Filter("role", index="listed_by_role", is_tallied=True),
    ] = None
    is_active: Annotated[QueryFlag | None, Filter("is_active", index=None, is_tallied=True)] = None
    email: Annotated[
        Email | None,
        Field(description="this address, in any spelling"),
        Filter("email_key", index="listed_by_email_key", normalize=get_email_key),
    ] = None
    username: Annotated[
        str | None,
        Field(max_length=50, description="this username, in any case", examples=["ada"]),
        Filter("username_key", index="listed_by_username_key", normalize=get_username_key),
    ] = None
    created_after: Annotated[
        QueryTimestamp | None, Filter("created_at", index="listed_by_created_at", operator="$gt")
    ] = None
    created_before: Annotated[
        QueryTimestamp | None, Filter("created_at", index="listed_by_created_at", operator="$lt")
    ] = None
    q: Annotated[
        str | None,
        Field(
            max_length=254,
            description="prefix of the name, username or e-mail address",
            examples=["ada"],
        ),
        AfterValidator(_parse_prefix),
        PrefixFilter("$or", index="listed_by_name_key"),
    ] = None
    fields: Annotated[
        str | None,
        Field(
            max_length=200,
            description="the fields to show, separated by commas",
            examples=["id,name"],
        ),
        Pattern(
            rf"^{_LIST_FIELD}(,{_LIST_FIELD})*$",
            f"Fields separated by commas: {' '.join(LIST_FIELDS)}.",
        ),
    ] = None
    include_deleted: Annotated[
        QueryFlag,
        Field(description="needs `users:restore`"),
        DeletedFilter("is_deleted", index=None, is_tallied=True),
    ] = False

    def page_request(self) -> PageRequest:
        return self.to_page_request(parse_sort(self.sort, SORT_KEYS))

    def selection(self) -> Selection:
        values = {name: getattr(self, name) for name in FILTERS}
        given = {name: value for name, value in values.items() if value not in (None, "")}
        return Selection(given, FILTERS)

    def shown_fields(self) -> set[str]:
        """Return the names of the fields in the response."""
        if self.fields:
            return set(self.fields.split(","))
        return set(LIST_FIELDS) - (set() if self.include_deleted else {"deleted_at"})


FILTERS = collect_filters(UserQuery)
FIELD_RULES = field_rules.collect_field_rules(UserPatch)


class RemoveQuery(Query):
    purge: Annotated[QueryFlag, Field(description="for good; needs `users:purge`")] = False


class UserDelete(In):
    """Proof that the caller is the owner, to delete one's own account. May be left out."""

    current_password: CurrentPassword | None = None
