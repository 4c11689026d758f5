"""The schemas of metadata in responses."""

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from rollbook.kit.schemas import Out, absent_if_null

SchemaOut = Annotated[
    dict[str, Any],
    WithJsonSchema({"type": "object", "additionalProperties": True}),
    Field(examples=[{"properties": {"team": {"type": "string", "x-indexed": True}}}]),
]


class MetadataSchemasOut(Out):
    """JSON Schemas (Draft 2020-12). A kind without a schema, `{}`, may hold any object."""

    metadata: SchemaOut
    app_metadata: SchemaOut
    private_metadata: Annotated[
        SchemaOut | None,
        absent_if_null(description="only with `users:read_private`", examples=[{}]),
    ] = None
