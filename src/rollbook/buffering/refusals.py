"""Responses of the server itself, to what never reaches the application."""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from rollbook.buffering.connections import Connection
from rollbook.buffering.gateway import render_head, split_target
from rollbook.buffering.requests import Request
from rollbook.kit import metrics
from rollbook.kit.errors import AppError
from rollbook.kit.request_ids import choose_request_id
from rollbook.web import envelope
from rollbook.web.requests import JSON, PROBLEM, find_media_type

logger = logging.getLogger(__name__)


def refuse(
    connection: Connection,
    error: AppError,
    *,
    request: Request | None = None,
    keeps_alive: bool = False,
    cors_headers: Mapping[str, str] | None = None,
) -> None:
    """Answer with an error, in the form that the client accepts.

    Another request may follow if `keeps_alive`.

    `request`: the request, if it could be parsed. Only its id is logged: what cannot be parsed may
    hold a password.
    """
    given = find_header(request, b"x-request-id") if request else ""
    request_id = choose_request_id(given)
    content, media_type = _build_content(error, request, request_id)
    body = to_json(content) + b"\n"
    status = f"{error.status} {envelope.get_reason_phrase(error.status)}"
    headers = {
        "Content-Type": media_type,
        "Content-Length": str(len(body)),
        "X-Request-ID": request_id,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **error.headers,
        **(cors_headers or {}),
    }
    logger.info("refused: %s", error.code, extra={"request_id": request_id, "status": error.status})
    metrics.http_requests_refused().labels(error.code).inc()
    connection.keeps_alive = keeps_alive
    head = render_head(status, headers.items(), keeps_alive=keeps_alive)
    # RFC 9110 §9.3.2: the response to HEAD has no body.
    connection.send(head if request and request.method == "HEAD" else head + body)


def _build_content(
    error: AppError, request: Request | None, request_id: str
) -> tuple[dict[str, Any], str]:
    """Build the content of a refusal, and its media type."""
    accept = find_header(request, b"accept") if request else ""
    if request and find_media_type(accept or None) == PROBLEM:
        path, _ = split_target(request.target)
        return envelope.build_problem(error, request_id, path), PROBLEM
    return envelope.wrap_error(error, request_id), JSON


def find_header(request: Request, name: bytes) -> str:
    """Return the last field of a name in lower case, or an empty text."""
    return dict(request.headers).get(name, b"").decode("latin-1")
