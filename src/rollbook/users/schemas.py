"""Users on the wire."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from rollbook.kit.listing import PageRequest, order_by
from rollbook.kit.schemas import Flag, Id, In, Matches, Moment, Out, PageQuery, Query, Timestamp, may_be_left_out
from rollbook.roles.schemas import RoleName
from rollbook.users.fields import (
    LONGEST_PASSWORD,
    CurrentPassword,
    Email,
    Name,
    Password,
    PersonName,
    Phone,
    Username,
)
from rollbook.users.filters import Filters

SORTABLE = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "name": "name_key",
    "email": "email_key",
    "username": "username_key",
    "last_login": "last_login",
}
"""What a list may be sorted by → the stored field. A closed set: any other order would tell of hidden fields."""
_KEY = rf"-?({'|'.join(SORTABLE)})"


class UserCreate(In):
    """A new user."""

    name: Name
    email: Email
    password: Password
    username: Username | None = None
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    phone: Phone | None = None
    role: RoleName = "user"
    is_active: Annotated[bool, Field(description="false: may not sign in", examples=[True])] = True


class UserPatch(In):
    """What to change. A field left out stays as it is; null clears an optional one (RFC 7396)."""

    name: Name = may_be_left_out()
    email: Email = may_be_left_out()
    password: Password = may_be_left_out()
    username: Username | None = None
    first_name: PersonName | None = None
    last_name: PersonName | None = None
    phone: Phone | None = None
    role: RoleName = may_be_left_out()
    is_active: Annotated[bool, Field(examples=[True])] = may_be_left_out()
    current_password: CurrentPassword = may_be_left_out()


class UserOut(Out):
    """A user, as everyone who may read one sees it."""

    tagged: ClassVar = True

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


def _begun(q: str) -> str | None:
    """Blank means absent, and what a search box puts in front is not meant."""
    return q.lstrip() or None


def _none_required(schema: dict[str, Any]) -> None:
    schema.pop("required", None)
    schema["additionalProperties"] = False


class UserListOut(UserOut):
    """A user in a list: the `fields` asked for, or all but `deleted_at`, which comes with `include_deleted`."""

    model_config = ConfigDict(json_schema_extra=_none_required)

    deleted_at: Annotated[Timestamp | None, Field(examples=[None])] = None


LISTED = tuple(UserListOut.model_fields)
DELETED_AT = "deleted_at"
_FIELD = f"({'|'.join(LISTED)})"


class UserQuery(PageQuery):
    sort: Annotated[
        str,
        Field(
            max_length=200,
            description="keys separated by commas, `-` for descending; ties are broken by id",
            examples=["name,-created_at"],
        ),
        Matches(rf"^{_KEY}(,{_KEY})*$", f"Keys separated by commas: {' '.join(SORTABLE)}, `-` for descending."),
    ] = "-created_at"

    role: RoleName | None = None
    is_active: Flag | None = None
    email: Annotated[Email | None, Field(description="this address, in any spelling")] = None
    username: Annotated[str | None, Field(max_length=50, description="this one, in any case", examples=["ada"])] = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    q: Annotated[
        str | None,
        Field(max_length=254, description="what name, username or e-mail address begins with", examples=["ada"]),
        AfterValidator(_begun),
    ] = None
    fields: Annotated[
        str | None,
        Field(max_length=200, description="those of a user to show, separated by commas", examples=["id,name"]),
        Matches(rf"^{_FIELD}(,{_FIELD})*$", f"Fields separated by commas: {' '.join(LISTED)}."),
    ] = None
    include_deleted: Annotated[Flag, Field(description="needs `users:restore`")] = False

    def page_request(self) -> PageRequest:
        return self.paged(order_by(self.sort, SORTABLE))

    def filters(self) -> Filters:
        return Filters(**{name: getattr(self, name) for name in Filters.__dataclass_fields__})

    def shown(self) -> set[str]:
        """The names of the fields to tell."""
        if self.fields:
            return set(self.fields.split(","))
        return set(LISTED) - (set() if self.include_deleted else {DELETED_AT})


class RemoveQuery(Query):
    purge: Annotated[Flag, Field(description="for good; needs `users:purge`")] = False


class UserDelete(In):
    """What proves to be the owner, where one deletes oneself; the body may be left out."""

    current_password: CurrentPassword | None = None


class PasswordPolicyOut(Out):
    """What a password has to be, for a client that wants to say so beforehand."""

    policy: Annotated[Literal["standard", "complex", "strict"], Field(examples=["standard"])]
    min_length: Annotated[int, Field(examples=[8])]
    max_length: Annotated[int, Field(examples=[LONGEST_PASSWORD])]
    requires: Annotated[
        list[Literal["lower", "upper", "digit", "special"]],
        Field(description="character classes of which each must occur", examples=[[]]),
    ]
    refuses: Annotated[
        list[Literal["common", "guessable", "personal", "breached"]],
        Field(
            description="common: among 470,000 leaked ones; guessable: repeats, sequences, rows of keys, single words; "
            "personal: what follows from the user's name or address; breached: known to BREACHED_PASSWORDS",
            examples=[["common", "guessable", "personal"]],
        ),
    ]
