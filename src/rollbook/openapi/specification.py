"""The OpenAPI 3.1 document, built from what the resources declare: one truth, told twice."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from werkzeug.routing import Rule

from rollbook import __version__
from rollbook.access.guards import Access
from rollbook.access.principal import RightsChanged
from rollbook.auth.errors import InvalidToken, TokenExpired
from rollbook.idempotency.errors import KeyInFlight, KeyReused
from rollbook.kit import errors
from rollbook.kit.declarations import Declaration
from rollbook.kit.errors import AppError
from rollbook.kit.schemas import fill_bounds
from rollbook.limits.everyday import UNLIMITED
from rollbook.openapi import examples, responses

Schema = dict[str, Any]

PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "description": "`return=representation` answers 200 with the thing as it was, instead of 204 (RFC 7240).",
    "schema": {"type": "string"},
    "example": "return=minimal",
}
IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what was read: a change of anything newer is refused with 412 (RFC 9110 §13.1.1).",
    "schema": {"type": "string"},
}
IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what the caller has: 304, when it is the same still (RFC 9110 §13.1.2).",
    "schema": {"type": "string"},
}
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "One for each thing to do: sent again, the request is answered as the first time, for 24 hours.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
}
BEARER = "accessToken"
SCHEME: Schema = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` that POST /auth/login answers with.",
}
BAD_TOKEN = (InvalidToken, TokenExpired)
EVERYWHERE = (errors.ValidationFailed, errors.NotAcceptable, errors.UriTooLong, errors.HeadersTooLarge, AppError)
WITH_BODY = (errors.BadRequest, errors.MalformedJson, errors.PayloadTooLarge, errors.UnsupportedMediaType)

CONDITIONAL = (errors.StaleVersion, errors.PreconditionRequired)
REPEATABLE = (KeyInFlight, KeyReused, errors.PayloadTooLarge)


def specification(app: Flask, limits: Mapping[str, int]) -> Schema:
    """`limits`: the lengths that settings decide, so that the document says what this server does."""
    declared = list(_declared(app))
    paths: Schema = {}
    for rule, method, declaration in declared:
        operation = _operation(app, rule, method, declaration)
        paths.setdefault(_path(rule), {})[method.lower()] = operation
    _link_created(paths)
    return {
        "openapi": "3.1.0",
        "info": _info(),
        "servers": [{"url": "/"}],
        "tags": _tags(app),
        "paths": paths,
        "components": {
            "schemas": fill_bounds(_schemas([declaration for *_, declaration in declared]), limits),
            "headers": responses.HEADERS,
            "securitySchemes": {BEARER: SCHEME},
        },
    }


def _info() -> Schema:
    return {
        "title": "rollbook",
        "version": __version__,
        "summary": "A self-hosted user-management REST API on MongoDB.",
        "license": {"name": "MIT", "identifier": "MIT"},
    }


def _declared(app: Flask) -> Iterator[tuple[Rule, str, Declaration]]:
    """Every method of every resource that declares an endpoint."""
    for rule in app.url_map.iter_rules():
        resource = _resource(app, rule)
        for method in sorted(getattr(resource, "methods", None) or ()):
            declaration = getattr(getattr(resource, method.lower(), None), "declaration", None)
            if declaration:
                yield rule, method, declaration


def _operation(app: Flask, rule: Rule, method: str, declared: Declaration) -> Schema:
    function = getattr(_resource(app, rule), method.lower())
    summary, _, description = (inspect.getdoc(function) or "").partition("\n")
    path = _path(rule)
    operation: Schema = {
        "operationId": declared.operation,
        "tags": [_room(app, rule)],
        "summary": summary.removesuffix("."),
        "security": _security(function.access),
        "parameters": _path_parameters(app, rule) + _query_parameters(declared) + _header_parameters(declared, method),
        "responses": responses.of(declared, method, _errors(rule, method, function.access, declared), path),
    }
    if description.strip():
        operation["description"] = description.strip()
    if declared.body:
        content = {"schema": responses.ref(declared.body), "example": examples.of_schema(declared.body)}
        operation["requestBody"] = {"required": not declared.body_optional, "content": {"application/json": content}}
    return operation


def _link_created(paths: Schema) -> None:
    """From the answer that something was created to what can be done with it (OpenAPI 3.1 §4.8.20, Link Object)."""
    for path, methods in paths.items():
        created = methods.get("post", {}).get("responses", {}).get("201")
        for operation in paths.get(f"{path}/{{ref}}", {}).values() if created else ():
            parameters = {"ref": "$response.body#/data/id"}
            link = {"operationId": operation["operationId"], "parameters": parameters}
            created.setdefault("links", {})[operation["operationId"]] = link


def _security(access: Access) -> list[Schema]:
    bearer: list[Schema] = [{BEARER: []}]
    if access.public:
        return [{}, *bearer] if access.permission else []
    return bearer


def _errors(rule: Rule, method: str, access: Access, declared: Declaration) -> list[type[AppError]]:
    """What the declaration names, and what the way to it can answer; each once."""
    of_api = (errors.Unavailable,) if "." in rule.endpoint else ()
    limited = () if rule.endpoint in UNLIMITED else (errors.TooManyRequests,)
    of_caller = (() if access.public else (errors.Unauthenticated,)) + (BAD_TOKEN if _security(access) else ())
    refused = (errors.Forbidden,) if access.permission else ()
    rights = (RightsChanged,) if method != "GET" and _security(access) else ()
    with_body = WITH_BODY if declared.body else ()
    conditional = CONDITIONAL if declared.conditional else ()
    repeatable = REPEATABLE if declared.repeatable else ()
    return list(
        dict.fromkeys(
            [
                *declared.errors,
                *of_caller,
                *refused,
                *rights,
                *EVERYWHERE,
                *with_body,
                *conditional,
                *repeatable,
                *limited,
                *of_api,
            ]
        )
    )


def _path_parameters(app: Flask, rule: Rule) -> list[Schema]:
    told = getattr(_resource(app, rule), "path_parameters", {})
    schema = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema, **asdict(told[name])}
        for name in sorted(rule.arguments)
    ]


def _query_parameters(declared: Declaration) -> list[Schema]:
    parameters = []
    for name, schema in declared.query.model_json_schema().get("properties", {}).items():
        described = {"description": schema.pop("description")} if "description" in schema else {}
        parameters.append({"name": name, "in": "query", "allowEmptyValue": True, "schema": schema, **described})
    return parameters


def _header_parameters(declared: Declaration, method: str) -> list[Schema]:
    offered = {
        "Prefer": (declared.status == 204 and declared.returns is not None, PREFER),
        "If-Match": (declared.conditional, IF_MATCH),
        "If-None-Match": (declared.versioned and method == "GET", IF_NONE_MATCH),
        "Idempotency-Key": (declared.repeatable, IDEMPOTENCY_KEY),
    }
    return [parameter for taken, parameter in offered.values() if taken]


def _schemas(declarations: list[Declaration]) -> Schema:
    taken: dict[type[BaseModel], None] = {declared.body: None for declared in declarations if declared.body}
    given: dict[type[BaseModel], None] = {declared.returns: None for declared in declarations if declared.returns}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [(schema, "validation") for schema in taken]
    modes += [(schema, "serialization") for schema in given]
    _, definitions = models_json_schema(modes, ref_template="#/components/schemas/{model}")
    shared = {name: responses.complete(schema) for name, schema in responses.SHARED_SCHEMAS.items()}
    return dict(sorted((definitions["$defs"] | shared).items()))


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)


def _resource(app: Flask, rule: Rule) -> Any:
    """The Flask-RESTful class behind `rule`; None for what is none."""
    return getattr(app.view_functions[rule.endpoint], "view_class", None)


def _room(app: Flask, rule: Rule) -> str:
    """The folder under `rollbook` that the resource lives in."""
    return str(_resource(app, rule).__module__).split(".")[1]


def _tags(app: Flask) -> list[Schema]:
    """One for each room, in the order of registration, described by the first line of its resources."""
    modules = {_room(app, rule): _resource(app, rule).__module__ for rule, *_ in _declared(app)}
    return [{"name": room, "description": sys.modules[name].__doc__ or ""} for room, name in modules.items()]
