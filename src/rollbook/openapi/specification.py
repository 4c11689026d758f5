"""The OpenAPI 3.1 document, built from what the resources declare."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from rollbook import __version__
from rollbook.access.guards import REFRESH_COOKIE, Access
from rollbook.access.principal import RightsChanged
from rollbook.access.trusted_clients import UnknownClient
from rollbook.auth.errors import InvalidToken, TokenExpired
from rollbook.idempotency.errors import KeyInFlight, KeyReused
from rollbook.kit import errors
from rollbook.kit.errors import AppError
from rollbook.kit.field_types import fill_bounds
from rollbook.limits.hooks import UNLIMITED
from rollbook.openapi import examples, responses
from rollbook.openapi.headers import RESPONSE_HEADERS, list_header_parameters
from rollbook.openapi.parameters import build_path_parameters, build_query_parameters
from rollbook.openapi.responses import ErrorComponents
from rollbook.openapi.schemas import build_schemas
from rollbook.web.declarations import Declaration, ExtraParameter
from rollbook.web.extensions import EXTRA_PARAMETERS

Schema = dict[str, Any]

BEARER = "accessToken"
SECURITY_SCHEME: Schema = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The `access_token` of POST /auth/login.",
}
CLIENT = "trustedClient"
CLIENT_SCHEME: Schema = {
    "type": "http",
    "scheme": "basic",
    "description": "The name and the secret of one of TRUSTED_CLIENTS.",
}
COOKIE = "refreshCookie"
COOKIE_SCHEME: Schema = {
    "type": "apiKey",
    "in": "cookie",
    "name": REFRESH_COOKIE,
    "description": "With REFRESH_COOKIE=true, and an Origin that CORS_ORIGINS lists.",
}
INFO: Schema = {
    "version": __version__,
    "description": "Create, find, change and delete users; sign them in; give them roles; read "
    "what was done to them. Every response has `data`, `message` and `status_code`.",
    "contact": {"name": "The operators of this service"},
    "summary": "A self-hosted user-management REST API on MongoDB.",
    "license": {"name": "MIT", "identifier": "MIT"},
}
TOKEN_ERRORS = (InvalidToken, TokenExpired)
COMMON_ERRORS = (
    errors.ValidationFailed,
    errors.NotAcceptable,
    errors.UriTooLong,
    errors.HeadersTooLarge,
    AppError,
)
BODY_ERRORS = (
    errors.BadRequest,
    errors.MalformedJson,
    errors.PayloadTooLarge,
    errors.UnsupportedMediaType,
)
CONDITIONAL_ERRORS = (errors.StaleVersion, errors.PreconditionRequired)
IDEMPOTENCY_ERRORS = (KeyInFlight, KeyReused, errors.PayloadTooLarge)


@dataclass(frozen=True)
class Operation:
    """A method of a resource that declares an endpoint."""

    rule: Rule
    method: str
    resource: Any
    declaration: Declaration = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "declaration", self.function.declaration)

    @property
    def function(self) -> Any:
        return getattr(self.resource, self.method.lower())

    @property
    def access(self) -> Access:
        access: Access = self.function.access
        return access

    @property
    def path(self) -> str:
        return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", self.rule.rule)

    @property
    def tag(self) -> str:
        """The package under `rollbook` of the resource, unless it names another tag."""
        package = str(self.resource.__module__).split(".")[1]
        return str(getattr(self.resource, "tag", package))


def build_specification(app: Flask, length_limits: Mapping[str, int], *, title: str) -> Schema:
    """Build the document. `length_limits` come from the settings, so it describes this server."""
    operations = list(list_operations(app))
    components = ErrorComponents()
    extra = app.extensions[EXTRA_PARAMETERS]
    paths: Schema = {}
    for operation in operations:
        methods = paths.setdefault(operation.path, {})
        methods[operation.method.lower()] = _build_operation(operation, components, extra)
    _add_links(paths)
    declarations = [operation.declaration for operation in operations]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, **INFO},
        "servers": [{"url": "/"}],
        "tags": _build_tags(operations),
        "paths": paths,
        "components": {
            "schemas": fill_bounds(build_schemas(declarations), length_limits),
            "responses": dict(sorted(components.responses.items())),
            "examples": dict(sorted(components.examples.items())),
            "headers": RESPONSE_HEADERS,
            "securitySchemes": {
                BEARER: SECURITY_SCHEME,
                COOKIE: COOKIE_SCHEME,
                CLIENT: CLIENT_SCHEME,
            },
        },
    }


def list_operations(app: Flask) -> Iterator[Operation]:
    """List every method of every resource that declares an endpoint."""
    for rule in app.url_map.iter_rules():
        resource = getattr(app.view_functions[rule.endpoint], "view_class", None)
        for method in sorted(getattr(resource, "methods", None) or ()):
            if hasattr(getattr(resource, method.lower()), "declaration"):
                yield Operation(rule, method, resource)


def _build_operation(
    operation: Operation, components: ErrorComponents, extra: Mapping[str, ExtraParameter]
) -> Schema:
    declaration, method = operation.declaration, operation.method
    summary, _, description = (inspect.getdoc(operation.function) or "").partition("\n")
    parameters = [
        *build_path_parameters(operation.rule, operation.resource),
        *build_query_parameters(declaration, extra),
    ]
    kinds = _list_errors(operation)
    built: Schema = {
        "operationId": declaration.operation,
        "tags": [operation.tag],
        "summary": summary.removesuffix("."),
        "security": _build_security(operation.access),
        "parameters": [*parameters, *list_header_parameters(declaration, method)],
        "responses": responses.build_responses(declaration, method, kinds, components),
    }
    built["description"] = description.strip() or summary
    if declaration.body:
        built["requestBody"] = _build_body(declaration, method)
    return built


def _build_body(declaration: Declaration, method: str) -> Schema:
    content = {
        media_type: {
            "schema": responses.refer_to_schema(schema),
            "example": examples.build_example(schema),
        }
        for media_type, schema in declaration.list_body_types(method).items()
    }
    return {"required": not declaration.body_optional, "content": content}


def _add_links(paths: Schema) -> None:
    """Link what was created to operations on it (OpenAPI 3.1 §4.8.20, Link Object)."""
    for path, methods in paths.items():
        created = methods.get("post", {}).get("responses", {}).get("201")
        for operation in paths.get(f"{path}/{{ref}}", {}).values() if created else ():
            parameters = {"ref": "$response.body#/data/id"}
            link = {"operationId": operation["operationId"], "parameters": parameters}
            created.setdefault("links", {})[operation["operationId"]] = link


def _build_security(access: Access) -> list[Schema]:
    bearer: list[Schema] = [{BEARER: []}]
    if access.by_client:
        return [{CLIENT: []}]
    if access.public:
        return [{}, *bearer] if access.permission else []
    return [*bearer, {COOKIE: []}] if access.or_cookie else bearer


def _list_errors(operation: Operation) -> list[type[AppError]]:
    """List the errors that the endpoint declares, and those of the request handling, each once."""
    rule, access, declaration = operation.rule, operation.access, operation.declaration
    has_token = bool(_build_security(access)) and not access.by_client
    conditions: list[tuple[bool, tuple[type[AppError], ...]]] = [
        (True, declaration.errors),
        (access.by_client, (UnknownClient,)),
        (not access.public and not access.by_client, (errors.Unauthenticated,)),
        (has_token, TOKEN_ERRORS),
        (bool(access.permission), (errors.Forbidden,)),
        (operation.method != "GET" and has_token, (RightsChanged,)),
        (True, COMMON_ERRORS),
        (bool(declaration.body), BODY_ERRORS),
        (declaration.conditional, CONDITIONAL_ERRORS),
        (declaration.idempotent, IDEMPOTENCY_ERRORS),
        (rule.endpoint not in UNLIMITED, (errors.TooManyRequests,)),
        ("." in rule.endpoint, (errors.Unavailable,)),  # Under API_PREFIX.
    ]
    return list(dict.fromkeys(kind for applies, kinds in conditions if applies for kind in kinds))


def _build_tags(operations: list[Operation]) -> list[Schema]:
    """Build tags in registration order, described by the first line of the resources' module."""
    modules: dict[str, str] = {}
    for operation in operations:
        modules.setdefault(operation.tag, operation.resource.__module__)
    return [
        {"name": tag, "description": sys.modules[module].__doc__ or ""}
        for tag, module in modules.items()
    ]
