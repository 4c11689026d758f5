"""The schemas of bodies and results: components of the OpenAPI document."""

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from rollbook.openapi import responses
from rollbook.openapi.headers import Schema
from rollbook.web.declarations import Declaration

COMPONENT = "#/components/schemas/{model}"


def build_schemas(declarations: list[Declaration]) -> Schema:
    """Map the name of each schema to the schema, in alphabetical order."""
    bodies: dict[type[BaseModel], None] = {d.body: None for d in declarations if d.body}
    bodies |= {d.json_patch: None for d in declarations if d.json_patch}
    results: dict[type[BaseModel], None] = {d.returns: None for d in declarations if d.returns}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [(s, "validation") for s in bodies]
    modes += [(schema, "serialization") for schema in results]
    _, definitions = models_json_schema(modes, ref_template=COMPONENT)
    schemas = _name_alternatives(definitions["$defs"])
    schemas |= {name: responses.require_all(s) for name, s in responses.SHARED_SCHEMAS.items()}
    schemas["ErrorCode"] = responses.build_error_codes()
    return dict(sorted(schemas.items()))


def _name_alternatives(schemas: Schema) -> Schema:
    """Make titled alternatives components, since generators number those without a name."""
    named: Schema = {}
    for name, schema in schemas.items():
        alternatives = {each["title"]: each for each in schema.get("oneOf", ()) if "title" in each}
        named[name] = schema
        if alternatives:
            references = [{"$ref": COMPONENT.format(model=title)} for title in alternatives]
            named |= {name: schema | {"oneOf": references}} | alternatives
    return named
