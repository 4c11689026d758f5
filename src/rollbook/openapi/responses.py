"""The answers of one operation, as OpenAPI describes them."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from rollbook.kit.declarations import Declaration
from rollbook.kit.envelope import phrase
from rollbook.kit.errors import AppError
from rollbook.openapi import examples

Schema = dict[str, Any]

HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "The id under which the log has this request: the caller's own, or a new one.",
        "schema": {"type": "string", "maxLength": 128},
    },
    "Location": {"description": "Where the new thing lives.", "schema": {"type": "string", "format": "uri-reference"}},
    "Link": {"description": "The first, previous, next and last page (RFC 8288).", "schema": {"type": "string"}},
    "ETag": {"description": "The version, quoted (RFC 9110 §8.8.3).", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "This is the answer to the first request with that Idempotency-Key.",
        "schema": {"const": "true"},
    },
    "Retry-After": {"description": "Whole seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "Preference-Applied": {"description": "RFC 7240 §3.", "schema": {"const": "return=representation"}},
    "WWW-Authenticate": {"description": "RFC 9110 §11.6.1.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "What is left of each limit, and seconds until it starts anew (IETF httpapi draft).",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {"description": "Each limit, and the seconds it is for.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {"description": "Of the limit nearest to its end.", "schema": {"type": "integer"}},
    "X-RateLimit-Remaining": {"description": "Of the limit nearest to its end.", "schema": {"type": "integer"}},
    "X-RateLimit-Reset": {"description": "Of the limit nearest to its end; Unix time.", "schema": {"type": "integer"}},
}
OF_LIMITS = ["Retry-After", *(name for name in HEADERS if "RateLimit" in name)]

BEFORE_ACCEPT = (414, 431)
"""Answered by the server before it has read an Accept header."""

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
            "field": {"type": "string", "description": "a dotted path into the request; empty for all of it"},
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
                    "code": {"type": "string"},
                    "details": {"type": "array", "items": {"$ref": "#/components/schemas/Detail"}},
                },
            },
            "request_id": {"type": "string"},
        },
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457, for those who accept application/problem+json.",
        "additionalProperties": False,
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "code": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Detail"}},
            "request_id": {"type": "string"},
        },
    },
}


def complete(schema: Schema) -> Schema:
    """`schema` with every property required, at every depth: what we answer, we answer whole."""
    inner = {name: complete(part) for name, part in schema.get("properties", {}).items()}
    return schema | {"properties": inner, "required": list(inner)} if inner else schema


def of(declared: Declaration, method: str, errors: Iterable[type[AppError]], path: str) -> dict[str, Schema]:
    """By status, in order."""
    answers = _successes(declared)
    if declared.versioned and method == "GET":
        answers["304"] = {"description": phrase(304), "headers": _headers(["ETag"])}
    by_status: dict[int, list[type[AppError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    answers |= {str(status): _failure(status, kinds, path) for status, kinds in by_status.items()}
    return dict(sorted(answers.items()))


def ref(schema: type[BaseModel]) -> Schema:
    return {"$ref": f"#/components/schemas/{schema.__name__}"}


def _successes(declared: Declaration) -> dict[str, Schema]:
    nothing = {"204": {"description": "No Content", "headers": _headers([])}}
    if declared.returns is None:
        return nothing
    if declared.status != 204:
        offered = {
            "Location": declared.location,
            "Link": declared.many,
            "ETag": declared.versioned,
            "Idempotency-Replayed": declared.repeatable,
        }
        named = [name for name, given in offered.items() if given]
        return {str(declared.status): _success(declared, declared.status, named)}
    return {
        "200": _success(declared, 200, ["Preference-Applied"] + (["ETag"] if declared.versioned else [])),
        **nothing,
    }


def _success(declared: Declaration, status: int, named: list[str]) -> Schema:
    example = examples.of_success(declared, status)
    return {
        "description": phrase(status),
        "headers": _headers(named),
        "content": {"application/json": {"schema": _envelope(declared, status), "example": example}},
    }


def _envelope(declared: Declaration, status: int) -> Schema:
    assert declared.returns  # noqa: S101 - for the type checker: without one there is no envelope
    thing = ref(declared.returns)
    if declared.bare:
        return thing
    if declared.shows:
        left_out = {"type": "null", "description": "the caller may do this, but not see the outcome"}
        thing = {"anyOf": [thing, left_out]}
    properties: Schema = {
        "data": {"type": "array", "items": thing} if declared.many else thing,
        "message": {"type": "string"},
        "status_code": {"const": status},
    }
    if declared.many:
        properties["pagination"] = {"$ref": "#/components/schemas/Pagination"}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _failure(status: int, kinds: list[type[AppError]], path: str) -> Schema:
    named = [name for kind in kinds for name in kind.headers if name in HEADERS] + (OF_LIMITS if status == 429 else [])
    told = {kind.code: {"summary": kind.message, "value": examples.of_error(kind)} for kind in kinds}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}, "examples": told}}
    if status not in BEFORE_ACCEPT:
        problems = {kind.code: {"summary": kind.message, "value": examples.of_problem(kind, path)} for kind in kinds}
        schema = {"$ref": "#/components/schemas/Problem"}
        content["application/problem+json"] = {"schema": schema, "examples": problems}
    return {"description": phrase(status), "headers": _headers(named), "content": content}


def _headers(named: list[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ["X-Request-ID", *dict.fromkeys(named)]}
