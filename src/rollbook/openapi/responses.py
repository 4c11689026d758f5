"""The responses of one operation in the OpenAPI document."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from rollbook.kit.errors import AppError
from rollbook.openapi import examples
from rollbook.openapi.headers import LIMIT_HEADERS, RESPONSE_HEADERS, refer_to_headers
from rollbook.web.declarations import Declaration
from rollbook.web.envelope import get_reason_phrase

Schema = dict[str, Any]

BEFORE_ACCEPT = (414, 431)
"""The server sends these before it has read an Accept header, so never as problem+json."""
EXAMPLE_PATH = "/api/users"

SHARED_SCHEMAS: dict[str, Schema] = {
    "Pagination": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "page": {"type": ["integer", "null"], "minimum": 1},
            "page_size": {"type": "integer", "minimum": 1, "maximum": 100},
            "total_items": {"type": ["integer", "null"], "minimum": 0},
            "total_pages": {"type": ["integer", "null"], "minimum": 0},
            "has_next": {"type": "boolean"},
            "has_previous": {"type": "boolean"},
            "next_cursor": {"type": ["string", "null"]},
        },
    },
    "Detail": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "field": {
                "type": "string",
                "description": "a dotted path into the request; empty for all of it",
            },
            "code": {"type": "string"},
            "message": {"type": "string"},
        },
    },
    "Error": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "data": {"type": "null"},
            "message": {"type": "string"},
            "status_code": {"type": "integer", "minimum": 400, "maximum": 599},
            "error": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "code": {"$ref": "#/components/schemas/ErrorCode"},
                    "details": {"type": "array", "items": {"$ref": "#/components/schemas/Detail"}},
                },
            },
            "request_id": {"type": "string"},
        },
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457, for clients that accept application/problem+json.",
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "code": {"$ref": "#/components/schemas/ErrorCode"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Detail"}},
            "request_id": {"type": "string"},
        },
    },
}


def build_error_codes() -> Schema:
    """Build the schema of all error codes, also of errors that no operation declares."""
    kinds, found = [AppError], set[str]()
    while kinds:
        kind = kinds.pop()
        kinds += [each for each in kind.__subclasses__() if each.__module__.startswith("rollbook.")]
        found.add(kind.code)
    return {
        "type": "string",
        "description": "docs/errors.md explains each. A later version may add some.",
        "enum": sorted(found),
    }


class ErrorComponents:
    """Error responses and their examples, each of which the document describes once."""

    def __init__(self) -> None:
        self.responses: dict[str, Schema] = {}
        self.examples: dict[str, Schema] = {}

    def refer(self, kinds: list[type[AppError]]) -> Schema:
        """Refer to the response that stands for any of `kinds`, which share a status."""
        name = ".".join(sorted(kind.__name__ for kind in kinds))
        if name not in self.responses:
            self.responses[name] = self._build_response(kinds)
        return {"$ref": f"#/components/responses/{name}"}

    def _build_response(self, kinds: list[type[AppError]]) -> Schema:
        status = kinds[0].status
        headers = [name for kind in kinds for name in kind.headers if name in RESPONSE_HEADERS]
        headers += LIMIT_HEADERS if status == 429 else []
        content = {"application/json": self._build_content("Error", kinds)}
        if status not in BEFORE_ACCEPT:
            content["application/problem+json"] = self._build_content("Problem", kinds)
        description = get_reason_phrase(status)
        return {
            "description": description,
            "headers": refer_to_headers(headers),
            "content": content,
        }

    def _build_content(self, schema: str, kinds: list[type[AppError]]) -> Schema:
        return {
            "schema": {"$ref": f"#/components/schemas/{schema}"},
            "examples": {kind.code: self._refer_to_example(schema, kind) for kind in kinds},
        }

    def _refer_to_example(self, schema: str, kind: type[AppError]) -> Schema:
        name = f"{kind.__name__}.{schema}"
        if schema == "Error":
            value = examples.build_error(kind)
        else:
            value = examples.build_problem(kind, EXAMPLE_PATH)
        self.examples[name] = {"summary": kind.message, "value": value}
        return {"$ref": f"#/components/examples/{name}"}


def require_all(schema: Schema) -> Schema:
    """Return `schema` with every property required, at every depth: responses are complete."""
    inner = {name: require_all(part) for name, part in schema.get("properties", {}).items()}
    return schema | {"properties": inner, "required": list(inner)} if inner else schema


def build_responses(
    declaration: Declaration,
    method: str,
    errors: Iterable[type[AppError]],
    components: ErrorComponents,
) -> dict[str, Schema]:
    """Map each status to its response, in order."""
    responses = _build_successes(declaration, method)
    if declaration.has_etag and method == "GET":
        description = get_reason_phrase(304)
        responses["304"] = {"description": description, "headers": refer_to_headers(["ETag"])}
    by_status: dict[int, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    responses |= {str(status): components.refer(kinds) for status, kinds in by_status.items()}
    return dict(sorted(responses.items()))


def refer_to_schema(schema: type[BaseModel]) -> Schema:
    return {"$ref": f"#/components/schemas/{schema.__name__}"}


def _build_successes(declaration: Declaration, method: str) -> dict[str, Schema]:
    can_be_hidden = bool(declaration.is_visible) and method != "GET"
    no_content = {"204": {"description": "No Content", "headers": refer_to_headers([])}}
    if declaration.returns is None and declaration.status == 204:
        return no_content
    if declaration.status == 204:
        headers = ["Preference-Applied"] + (["ETag"] if declaration.has_etag else [])
        return {"200": _build_success(declaration, 200, headers, can_be_hidden), **no_content}
    offered = {
        "Location": declaration.location,
        "Link": declaration.many,
        "ETag": declaration.has_etag,
        "Idempotency-Replayed": declaration.idempotent,
    }
    headers = [name for name, is_offered in offered.items() if is_offered]
    status = declaration.status
    successes = {str(status): _build_success(declaration, status, headers, can_be_hidden)}
    if declaration.accepted:
        accepted = replace(declaration, returns=None, message=declaration.accepted)
        successes["202"] = _build_success(accepted, 202, ["Idempotency-Replayed"], False)
    return successes


def _build_success(
    declaration: Declaration, status: int, headers: list[str], can_be_hidden: bool
) -> Schema:
    example = examples.build_success(declaration, status)
    schema = _build_envelope(declaration, status, can_be_hidden)
    content = {"schema": schema, "example": example}
    return {
        "description": get_reason_phrase(status),
        "headers": refer_to_headers(headers),
        "content": {"application/json": content},
    }


def _build_envelope(declaration: Declaration, status: int, can_be_hidden: bool) -> Schema:
    returns = declaration.returns
    item: Schema = refer_to_schema(returns) if returns else {"type": "null"}
    if declaration.bare:
        return item
    if can_be_hidden:
        hidden = {"type": "null", "description": "the caller may do this, but not read the result"}
        item = {"anyOf": [item, hidden]}
    properties: Schema = {
        "data": {"type": "array", "items": item} if declaration.many else item,
        "message": {"type": "string"},
        "status_code": {"const": status},
    }
    if declaration.many:
        properties["pagination"] = {"$ref": "#/components/schemas/Pagination"}
    return {
        "title": _get_title(declaration),
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _get_title(declaration: Declaration) -> str:
    """Return the title of an envelope: `read_user` has the response `ReadUserResponse`."""
    return "".join(map(str.capitalize, declaration.operation.split("_"))) + "Response"
