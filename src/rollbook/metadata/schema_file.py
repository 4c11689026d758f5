"""JSON Schemas of metadata (Draft 2020-12), from the file that METADATA_SCHEMAS names."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.exceptions import ValidationError as Violation
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.kit.validation import MAX_DETAILS, MAX_FIELD_LENGTH
from rollbook.metadata.values import KINDS

INDEXED = "x-indexed"
INDEXED_TYPES = ("string", "integer", "number", "boolean")
MAX_INDEXED = 10
"""MongoDB allows 64 indexes on a collection, and every one slows down a change."""

Schema = Mapping[str, Any]


class SchemaFileError(ValueError):
    """The file cannot be used. The message says what to fix."""


@dataclass(frozen=True)
class MetadataSchemas:
    """`schemas`: kind → JSON Schema. A kind without one may hold any object."""

    schemas: Mapping[str, Schema]

    def check(self, kind: str, value: Mapping[str, Any]) -> None:
        """Check metadata against its schema. Raises: ValidationFailed, with the path of each."""
        if kind not in self.schemas:
            return
        validator = Draft202012Validator(
            self.schemas[kind],
            registry=Registry(),  # It looks up nothing, so no reference leads to the network.
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )
        violations = sorted(validator.iter_errors(value), key=lambda violation: violation.json_path)
        if violations:
            details = [_render(kind, violation) for violation in violations[:MAX_DETAILS]]
            raise ValidationFailed(details=details)

    @property
    def indexed(self) -> dict[str, Schema]:
        """The members that lists can be filtered by: `metadata.team` → its schema."""
        return {
            path: schema
            for kind, each in self.schemas.items()
            for path, schema in _list_members(each, kind)
            if schema.get(INDEXED) is True
        }


def load(path: Path | None) -> MetadataSchemas:
    """Load the file. Raises: SchemaFileError."""
    if path is None:
        return MetadataSchemas({})
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SchemaFileError(f"{path} cannot be read as JSON ({type(error).__name__}).") from None
    if not isinstance(content, dict) or not content.keys() <= KINDS:
        raise SchemaFileError(
            f"{path} needs an object with {', '.join(sorted(KINDS))}, or some of them."
        )
    for kind, schema in content.items():
        _require_usable(kind, schema)
    schemas = MetadataSchemas(content)
    _require_indexable(schemas.indexed)
    return schemas


def _require_usable(kind: str, schema: Any) -> None:
    if not isinstance(schema, dict):
        raise SchemaFileError(f"{kind}: a schema is an object.")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise SchemaFileError(f"{kind}: not a JSON Schema, at {error.json_path}.") from None
    foreign = [ref for ref in _list_references(schema) if not ref.startswith("#")]
    if foreign:
        raise SchemaFileError(f"{kind}: $ref leads elsewhere. Only references with # are followed.")
    try:
        resource = Resource.from_contents(schema, default_specification=DRAFT202012)
        resolver = Registry().with_resource("", resource).resolver()
        for reference in _list_references(schema):
            resolver.lookup(reference)
        list(Draft202012Validator(schema, registry=Registry()).iter_errors({}))
    except (Unresolvable, RecursionError):
        raise SchemaFileError(f"{kind}: a $ref leads nowhere, or only to itself.") from None


def _require_indexable(indexed: Mapping[str, Schema]) -> None:
    if len(indexed) > MAX_INDEXED:
        raise SchemaFileError(f"at most {MAX_INDEXED} members may be {INDEXED}.")
    for path, schema in indexed.items():
        if schema.get("type") not in INDEXED_TYPES:
            raise SchemaFileError(f"{path}: {INDEXED} needs a type: {', '.join(INDEXED_TYPES)}.")


def _list_members(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    for name, member in schema.get("properties", {}).items():
        if isinstance(member, dict):
            yield f"{path}.{name}", member
            yield from _list_members(member, f"{path}.{name}")


def _list_references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        found = (schema.get(word) for word in ("$ref", "$dynamicRef"))
        yield from (reference for reference in found if isinstance(reference, str))
        schema = list(schema.values())
    for part in schema if isinstance(schema, list) else ():
        yield from _list_references(part)


def _render(kind: str, violation: Violation) -> Detail:
    """Render a violation without the value that was sent, which jsonschema's message repeats."""
    path = ".".join(map(str, [kind, *violation.absolute_path]))
    rule = json.dumps({violation.validator: violation.validator_value}, ensure_ascii=False)
    return Detail(path[:MAX_FIELD_LENGTH], "schema", f"Does not match its schema: {rule[:300]}")
