"""Field types that schemas of several features share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

BOUND_KEY = "x-bound-by-setting"
"""In a JSON Schema: keyword → the key of `Settings.length_limits` that holds its value."""
INT64_MAX = 2**63 - 1

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


@dataclass(frozen=True)
class MaxLength:
    """The maximum length that a setting decides.

    `limit` is a key of `Settings.length_limits`, which is the context of validation. The JSON
    Schema carries `BOUND_KEY` until `fill_bounds` replaces it.
    """

    limit: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        return core_schema.with_info_after_validator_function(self._validate, schema)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {BOUND_KEY: {"maxLength": self.limit}}

    def _validate(self, value: str, info: ValidationInfo[Mapping[str, int]]) -> str:
        max_length = info.context[self.limit]
        if len(value) > max_length:
            raise PydanticCustomError("string_too_long", "", {"max_length": max_length})
        return value


@dataclass(frozen=True)
class Pattern:
    """A string that `pattern` matches as a whole; `message` explains it to the client.

    `published` is in the JSON Schema instead, for patterns that not every language understands.
    """

    pattern: str
    message: str
    published: str | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        return core_schema.no_info_after_validator_function(self._validate, schema)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(schema) | {"pattern": self.published or self.pattern}

    def _validate(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):  # `$` alone would allow a trailing line break.
            raise PydanticCustomError("bad_format", "{message}", {"message": self.message})
        return value


def fill_bounds(schema: Any, length_limits: Mapping[str, int]) -> Any:
    """Return `schema` with every `BOUND_KEY` replaced by the lengths that are in force."""
    if isinstance(schema, list):
        return [fill_bounds(part, length_limits) for part in schema]
    if not isinstance(schema, dict):
        return schema
    bounds = {word: length_limits[limit] for word, limit in schema.get(BOUND_KEY, {}).items()}
    rest = {word: fill_bounds(x, length_limits) for word, x in schema.items() if word != BOUND_KEY}
    return rest | bounds


def _validate_decimal(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,30}", value, re.ASCII):
        raise PydanticCustomError("int_parsing", "A whole number in decimal digits.")
    return value


def _parse_timestamp(value: object) -> object:
    """Parse a timestamp (RFC 3339 §5.6).

    Pydantic would also accept a number of seconds, or a time without a zone.
    """
    if not isinstance(value, str):
        return value
    try:
        if not _RFC3339.fullmatch(value):
            raise ValueError
        return datetime.fromisoformat(value.upper().replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError):
        message = "A time in the form of RFC 3339, such as 2026-03-14T15:09:26Z."
        raise PydanticCustomError("bad_format", "{message}", {"message": message}) from None


def _parse_flag(value: object) -> object:
    if isinstance(value, str):
        if value not in ("true", "false"):
            raise PydanticCustomError("not_one_of", "true or false.")
        return value == "true"
    return value


def _render_timestamp(time: datetime) -> str:
    if time.tzinfo is not UTC:
        time = time.astimezone(UTC)
    return time.isoformat(timespec="milliseconds")[:-6] + "Z"


Decimal = BeforeValidator(_validate_decimal)
"""For whole numbers in a query string. Pydantic alone would also accept `1_0` and ` 1 `."""

Stripped = AfterValidator(str.strip)
"""Removes white space at both ends, after the other rules have seen the value."""

Id = Annotated[
    str,
    BeforeValidator(str),
    Field(
        validation_alias=AliasChoices("id", "_id"),
        pattern="^[0-9a-f]{24}$",
        examples=["665f1c2ab8e4d90012a3b4c5"],
    ),
]
"""An ObjectId: 24 lower-case hex digits."""

Timestamp = Annotated[
    datetime,
    PlainSerializer(_render_timestamp, return_type=str, when_used="json"),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-14T15:09:26.535Z"]),
]
"""In a response: RFC 3339 in UTC with milliseconds."""

QueryFlag = Annotated[bool, BeforeValidator(_parse_flag)]
"""In a query string: `true` or `false`. Pydantic alone would also accept `1`, `on` and `y`."""

QueryTimestamp = Annotated[
    AwareDatetime,
    BeforeValidator(_parse_timestamp),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-14T15:09:26.535Z"]),
]
"""In a query string: RFC 3339 with an offset. A plus sign is written %2B in a URL."""
