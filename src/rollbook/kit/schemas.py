"""What comes in and what goes out, as Pydantic classes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rollbook.kit.listing import Order, PageRequest, Position

BOUND_KEY = "x-bound-by-setting"
"""In a JSON Schema: keyword → the limit in `Settings.limits` that is its value."""
INT64_MAX = 2**63 - 1
MOST_DETAILS = 20
"""Of what is wrong with a request, an answer names that many."""


def _decimal(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,30}", value, re.ASCII):
        raise PydanticCustomError("int_parsing", "A whole number in decimal digits.")
    return value


_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

Decimal = BeforeValidator(_decimal)
"""For whole numbers in a query: digits only, where Pydantic would also take `1_0` and ` 1 `."""


class In(BaseModel):
    """A request body. Strict: no coercion, no unknown field, so that nothing can be smuggled in."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The query string. Texts become numbers and flags; an unknown parameter is refused."""

    model_config = ConfigDict(extra="forbid")


class CursorQuery(Query):
    """Which page of a list that has no numbers: the first, or by the cursor of the page before."""

    page_size: Annotated[int, Field(ge=1, le=100), Decimal] = 20
    cursor: Annotated[str | None, Field(max_length=3000, description="`next_cursor` of the page before")] = None
    _after: Position | None = PrivateAttr(None)

    def goes_on_after(self, position: Position) -> None:
        """What `cursor` says, once it is opened."""
        self._after = position

    def paged(self, order: Order) -> PageRequest:
        return PageRequest(None, self.page_size, order, self._after)


class PageQuery(CursorQuery):
    """Which page of a list: by its number, or by the cursor of the page before."""

    page: Annotated[int, Field(ge=1, le=INT64_MAX, description="counts from 1; or send `cursor`"), Decimal] = 1

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.cursor and "page" in self.model_fields_set:
            raise PydanticCustomError("either_or", "Send page or cursor, not both.")
        return self

    def paged(self, order: Order) -> PageRequest:
        return PageRequest(None if self._after else self.page, self.page_size, order, self._after)


class Out(BaseModel):
    """An answer. An allow-list: what is not named here cannot leave."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"additionalProperties": False})
    tagged: ClassVar[bool] = False
    """Is all of it told by its `version`, which can then be its ETag?"""


@dataclass(frozen=True)
class AtMost:
    """The longest text that a setting allows: `limit` is a key of `Settings.limits`, the context of validation.

    The published schema carries `BOUND_KEY` until `openapi` fills in the length.
    """

    limit: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {BOUND_KEY: {"maxLength": self.limit}}

    def _check(self, value: str, info: ValidationInfo[Mapping[str, int]]) -> str:
        most = info.context[self.limit]
        if len(value) > most:
            raise PydanticCustomError("string_too_long", "", {"max_length": most})
        return value


@dataclass(frozen=True)
class Matches:
    """A text that `pattern` matches, told in a `sentence` where Pydantic would show the pattern."""

    pattern: str
    sentence: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self.pattern}

    def _check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):  # `$` alone would let a trailing line break pass.
            raise PydanticCustomError("bad_format", "{sentence}", {"sentence": self.sentence})
        return value


def may_be_left_out() -> Any:
    """For a field of a change that may be absent but not null; `model_fields_set` tells whether it was sent."""
    return Field(default_factory=lambda: None)


def fill_bounds(schema: Any, limits: Mapping[str, int]) -> Any:
    """`schema` with every `BOUND_KEY` replaced by the lengths in force."""
    if isinstance(schema, list):
        return [fill_bounds(part, limits) for part in schema]
    if not isinstance(schema, dict):
        return schema
    bounds = {keyword: limits[limit] for keyword, limit in schema.get(BOUND_KEY, {}).items()}
    return {key: fill_bounds(part, limits) for key, part in schema.items() if key != BOUND_KEY} | bounds


def _moment(value: object) -> object:
    """RFC 3339 §5.6, in UTC; Pydantic would also take a number of seconds, and a time that is nowhere's."""
    if not isinstance(value, str):
        return value
    try:
        if not _RFC3339.fullmatch(value):
            raise ValueError
        return datetime.fromisoformat(value.upper().replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        sentence = "A time as RFC 3339 writes it, such as 2026-03-14T15:09:26Z."
        raise PydanticCustomError("bad_format", "{sentence}", {"sentence": sentence}) from None


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("not_one_of", "true or false.")
        return value == "true"
    return value


def _milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Stripped = AfterValidator(str.strip)
"""Drops white space at both ends, after the other rules have seen it."""

Id = Annotated[
    str,
    BeforeValidator(str),
    Field(validation_alias=AliasChoices("id", "_id"), pattern="^[0-9a-f]{24}$", examples=["665f1c2ab8e4d90012a3b4c5"]),
]
"""An ObjectId on the wire: 24 lower-case hex digits."""

Timestamp = Annotated[
    datetime,
    PlainSerializer(_milliseconds, return_type=str, when_used="json"),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-14T15:09:26.535Z"]),
]
"""RFC 3339 in UTC with milliseconds."""

Flag = Annotated[bool, BeforeValidator(_flag)]
"""In a query: `true` or `false`, where Pydantic would also take `1`, `on` and `y`."""

Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-14T15:09:26.535Z"]),
]
"""A time in a query: RFC 3339, its offset included; in a URL a plus is written %2B."""
