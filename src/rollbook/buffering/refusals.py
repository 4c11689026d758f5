"""Responses of the server itself, to what never reaches the application."""

import logging
import uuid

from pydantic_core import to_json

from rollbook.buffering.connections import Connection
from rollbook.buffering.gateway import render_head
from rollbook.kit import metrics
from rollbook.kit.errors import AppError
from rollbook.web import envelope

logger = logging.getLogger(__name__)


def refuse(
    connection: Connection, error: AppError, *, method: str = "", keeps_alive: bool = False
) -> None:
    """Answer with the envelope of an error. Another request may follow if `keeps_alive`.

    `method`: the response to HEAD has no body (RFC 9110 §9.3.2).

    Nothing of the request is logged: what cannot be parsed may hold a password.
    """
    request_id = uuid.uuid4().hex
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
    connection.send(head if method == "HEAD" else head + body)
