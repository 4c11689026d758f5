"""What metadata may hold: JSON objects that MongoDB stores as they are sent."""

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError

from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.kit.field_types import INT64_MAX
from rollbook.kit.merge_patch import merge
from rollbook.kit.text import CONTROLS

KINDS = frozenset({"metadata", "app_metadata", "private_metadata"})
MAX_BYTES = 16 * 1024
"""Of each kind, as compact JSON in UTF-8."""
MAX_DEPTH = 10

_NAME = re.compile(rf"[^.${CONTROLS}][^.{CONTROLS}]{{0,99}}")
_BAD_NAME = "A member's name has 1 to 100 characters, no dot, and no dollar sign in front."
_BAD_NUMBER = "A number is finite; a whole number has at most 64 bits."


def _require_storable(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if fault := _find_fault(value, MAX_DEPTH):
        raise PydanticCustomError("bad_format", "{message}", {"message": fault})
    return value


def _find_fault(value: Any, depth: int) -> str | None:
    """Describe the first thing that cannot be stored."""
    if isinstance(value, int | float):
        is_storable = math.isfinite(value) and (
            isinstance(value, float) or -INT64_MAX - 1 <= value <= INT64_MAX
        )
        return None if is_storable else _BAD_NUMBER
    if not isinstance(value, dict | list):
        return None
    if depth == 0:
        return f"At most {MAX_DEPTH} levels."
    if isinstance(value, dict) and not all(map(_NAME.fullmatch, value)):
        return _BAD_NAME
    members = value.values() if isinstance(value, dict) else value
    return next(filter(None, (_find_fault(member, depth - 1) for member in members)), None)


Metadata = Annotated[
    dict[str, JsonValue],
    AfterValidator(_require_storable),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
            "additionalProperties": True,
        }
    ),
]
"""The schema names what JSON Schema can say; nested names follow the same rule."""


MetadataOut = Annotated[dict[str, JsonValue], Field(examples=[{"team": "blue"}])]


def merge_metadata(kind: str, stored: Mapping[str, Any], sent: Mapping[str, Any] | None) -> Any:
    """Apply `sent` as a merge patch (RFC 7396). None removes everything.

    Raises: ValidationFailed, when the result is too large.
    """
    merged = merge(stored, sent or {}) if sent is not None else {}
    if len(json.dumps(merged, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_BYTES:
        message = f"At most {MAX_BYTES} bytes of JSON, including what is stored already."
        raise ValidationFailed(details=[Detail(kind, "too_long", message)])
    return merged
