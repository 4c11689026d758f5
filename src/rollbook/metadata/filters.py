"""Lists filtered by a member of metadata: `metadata.team=blue`."""

from collections.abc import Callable, Mapping
from typing import Any

from rollbook.kit.field_types import INT64_MAX
from rollbook.metadata.schema_file import MetadataSchemas
from rollbook.storage.indexes import EXTRA_PREFIX
from rollbook.web.declarations import ExtraParameter

_FLAGS = {"true": True, "false": False}


def get_index(path: str) -> str:
    """Return the name of the index on a member."""
    return f"{EXTRA_PREFIX}{path}"


def build_indexes(schemas: MetadataSchemas) -> list[dict[str, Any]]:
    """Build the specifications of the indexes that the filters use."""
    return [
        {"fields": [(path, 1), ("is_deleted", 1), ("is_active", 1)], "name": get_index(path)}
        for path in schemas.indexed
    ]


def build_parameters(schemas: MetadataSchemas) -> dict[str, ExtraParameter]:
    """Build the parameters of a list: name → how it is parsed and published."""
    return {
        path: ExtraParameter(
            _PARSERS[schema["type"]], _publish(schema), not path.startswith("private_metadata.")
        )
        for path, schema in schemas.indexed.items()
    }


def _publish(schema: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("type", "description", "enum", "format")
    return {word: schema[word] for word in kept if word in schema}


def _parse_integer(text: str) -> int:
    number = int(text)
    if not text.isascii() or not -INT64_MAX - 1 <= number <= INT64_MAX:
        raise ValueError
    return number


def _parse_flag(text: str) -> bool:
    if text not in _FLAGS:
        raise ValueError
    return _FLAGS[text]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _parse_integer,
    "number": float,
    "boolean": _parse_flag,
}
