"""Query strings of users: filters, orders, and the fields to show."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from rollbook.kit.field_types import Pattern, QueryFlag, QueryTimestamp
from rollbook.kit.listing import PageRequest, parse_sort
from rollbook.kit.schemas import PageQuery, Query
from rollbook.metadata.filters import get_index
from rollbook.roles.schemas import RoleName
from rollbook.users.fields import Email
from rollbook.users.filters import (
    DeletedFilter,
    Filter,
    FlagFilter,
    Selection,
    WordsFilter,
    collect_filters,
)
from rollbook.users.references import get_email_key, get_username_key
from rollbook.users.schemas import UserListOut
from rollbook.users.search import MAX_SEARCHED_WORDS, parse_words

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
LIST_FIELDS = tuple(UserListOut.model_fields)
_LIST_FIELD = f"({'|'.join(LIST_FIELDS)})"


def _parse_search(q: str) -> str | None:
    """Parse a search. One without a word counts as absent.

    Raises: PydanticCustomError, for too many words.
    """
    words = parse_words(q)
    if len(words) > MAX_SEARCHED_WORDS:
        message = f"At most {MAX_SEARCHED_WORDS} words."
        raise PydanticCustomError("bad_format", "{message}", {"message": message})
    return q if words else None


class UserQuery(PageQuery):
    takes_extra = True

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
    email_verified: Annotated[
        QueryFlag | None,
        FlagFilter("email_verified", index="listed_by_verification"),
    ] = None
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
    external_id: Annotated[
        str | None,
        Field(max_length=255, description="this external id, exactly"),
        Filter("external_id", index="found_by_external_id"),
    ] = None
    created_after: Annotated[
        QueryTimestamp | None,
        Field(description="later than this time (RFC 3339)"),
        Filter("created_at", index="listed_by_created_at", operator="$gt"),
    ] = None
    created_before: Annotated[
        QueryTimestamp | None,
        Field(description="before this time (RFC 3339)"),
        Filter("created_at", index="listed_by_created_at", operator="$lt"),
    ] = None
    q: Annotated[
        str | None,
        Field(
            max_length=254,
            description="words, with each of which a word of the name, the username, the e-mail "
            "address or its domain begins",
            examples=["ada"],
        ),
        AfterValidator(_parse_search),
        WordsFilter("words", index="found_by_word"),
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
        extra = {path: Filter(path, index=get_index(path)) for path in self._extra}
        return Selection(given | self._extra, FILTERS | extra)

    def shown_fields(self) -> set[str]:
        """Return the names of the fields in the response."""
        if self.fields:
            return set(self.fields.split(","))
        return set(LIST_FIELDS) - (set() if self.include_deleted else {"deleted_at"})


FILTERS = collect_filters(UserQuery)


class RemoveQuery(Query):
    purge: Annotated[QueryFlag, Field(description="for good; needs `users:purge`")] = False
