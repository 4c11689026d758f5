"""Responses of the server itself, to what never reaches the application."""

import logging

from pydantic_core import to_json

from rollbook.buffering.connections import Connection
from rollbook.buffering.gateway import render_head
from rollbook.buffering.requests import Request
from rollbook.kit import metrics
from rollbook.kit.errors import AppError
from rollbook.kit.request_ids import choose_request_id
from rollbook.web import envelope

logger = logging.getLogger(__name__)


def refuse(
    connection: Connection,
    error: AppError,
    *,
    request: Request | None = None,
    keeps_alive: bool = False,
) -> None:
    """Answer with the envelope of an error. Another request may follow if `keeps_alive`.

    `request`: the request, if it could be parsed. Only its id is logged: what cannot be parsed may
    hold a password.
    """
    request_id = choose_request_id(_get_given_id(request))
    body = to_json(envelope.wrap_error(error, request_id)) + b"\n"
    status = f"{error.status} {envelope.get_reason_phrase(error.status)}"
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Request-ID": request_id,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        **error.headers,
    }
    logger.info("refused: %s", error.code, extra={"request_id": request_id, "status": error.status})
    metrics.http_requests_refused().labels(error.code).inc()
    connection.keeps_alive = keeps_alive
    head = render_head(status, headers.items(), keeps_alive=keeps_alive)
    # RFC 9110 §9.3.2: the response to HEAD has no body.
    connection.send(head if request and request.method == "HEAD" else head + body)


def _get_given_id(request: Request | None) -> str:
    given = dict(request.headers).get(b"x-request-id", b"") if request else b""
    return given.decode("latin-1")
