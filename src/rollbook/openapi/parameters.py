"""Path and query parameters in the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from werkzeug.routing import Rule

from rollbook.web.declarations import Declaration, ExtraParameter

Schema = dict[str, Any]


def build_path_parameters(rule: Rule, resource: Any) -> list[Schema]:
    described = getattr(resource, "path_parameters", {})
    schema = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema, **asdict(described[name])}
        for name in sorted(rule.arguments)
    ]


def build_query_parameters(
    declaration: Declaration, extra: Mapping[str, ExtraParameter]
) -> list[Schema]:
    described = declaration.query.model_json_schema()
    properties, required = described.get("properties", {}), described.get("required", ())
    if declaration.query.takes_extra:
        properties |= {
            name: {**parameter.schema} for name, parameter in extra.items() if parameter.is_public
        }
    parameters = []
    for name, schema in properties.items():
        blank = {"required": True} if name in required else {"allowEmptyValue": True}
        parameter = {"name": name, "in": "query", **blank, "schema": schema}
        parameters.append(parameter)
    for parameter in parameters:
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")
    return parameters
