"""Headers and header parameters in the OpenAPI document."""

from typing import Any

from rollbook.web.declarations import Declaration

Schema = dict[str, Any]

RESPONSE_HEADERS: dict[str, Schema] = {
    "X-Request-ID": {
        "description": "The id of this request in the log: the client's own, or a new one.",
        "schema": {"type": "string", "maxLength": 128},
    },
    "Location": {
        "description": "The URL of the new resource.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Link": {
        "description": "The first, previous, next and last page (RFC 8288).",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "The version, quoted (RFC 9110 §8.8.3).",
        "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "This is the response to the first request with that Idempotency-Key.",
        "schema": {"const": "true"},
    },
    "Retry-After": {
        "description": "Whole seconds to wait.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Preference-Applied": {
        "description": "RFC 7240 §3.",
        "schema": {"const": "return=representation"},
    },
    "WWW-Authenticate": {"description": "RFC 9110 §11.6.1.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "What is left of each limit, and seconds until it resets (IETF httpapi "
        "draft).",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "Each limit, and its window in seconds.",
        "schema": {"type": "string"},
    },
    "X-RateLimit-Limit": {
        "description": "Of the limit that is closest to its end.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Remaining": {
        "description": "Of the limit that is closest to its end.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Reset": {
        "description": "Of the limit that is closest to its end; Unix time.",
        "schema": {"type": "integer"},
    },
}
LIMIT_HEADERS = ["Retry-After", *(name for name in RESPONSE_HEADERS if "RateLimit" in name)]

PREFER: Schema = {
    "name": "Prefer",
    "in": "header",
    "description": "`return=representation` returns 200 and the resource as it was, instead of "
    "204 (RFC 7240).",
    "schema": {"type": "string"},
    "example": "return=minimal",
}
IF_MATCH: Schema = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what you read. If the resource has changed since, the status is "
    "412 (RFC 9110 §13.1.1).",
    "schema": {"type": "string"},
}
IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what you have. If it is still current, the status is 304 (RFC "
    "9110 §13.1.2).",
    "schema": {"type": "string"},
}
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A unique key for the operation. A second request with it gets the response "
    "of the first one, for 24 hours.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[ -~]*$"},
}


def refer_to_headers(names: list[str]) -> Schema:
    """Refer to X-Request-ID and to `names`, each once."""
    unique = ["X-Request-ID", *dict.fromkeys(names)]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in unique}


def list_header_parameters(declaration: Declaration, method: str) -> list[Schema]:
    offered = [
        (declaration.status == 204 and declaration.returns is not None, PREFER),
        (declaration.conditional, IF_MATCH),
        (declaration.has_etag and method == "GET", IF_NONE_MATCH),
        (declaration.idempotent, IDEMPOTENCY_KEY),
    ]
    return [parameter for accepted, parameter in offered if accepted]
