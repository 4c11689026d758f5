"""gunicorn's own error responses and log messages, in rollbook's form.

gunicorn has no setting for either, so `install` replaces a function of `gunicorn.util`.
docs/decisions/015-what-earns-its-lines.md says what happens without it.
"""

import logging
import socket
import uuid
from typing import Any

import gunicorn.util
from gunicorn.glogging import Logger
from pydantic_core import to_json

from rollbook.kit.errors import (
    AppError,
    BrokenRequest,
    HeadersTooLarge,
    RequestTimeout,
    UriTooLong,
)
from rollbook.web import envelope

logger = logging.getLogger(__name__)


_ERRORS_BY_STATUS: dict[int, type[AppError]] = {
    kind.status: kind for kind in (RequestTimeout, UriTooLong, HeadersTooLarge, AppError)
}


def install() -> None:
    gunicorn.util.write_error = write_error


def write_error(
    sock: socket.socket,
    status_int: int,
    reason: str,  # noqa: ARG001 - gunicorn passes it
    mesg: str,  # noqa: ARG001 - gunicorn passes it
) -> None:
    """Write the error in our form, in place of gunicorn's HTML page.

    gunicorn's `mesg` repeats the request, so it is not sent. An unknown transfer coding (501 by RFC
    9112 §6.1) is bad input like any other: 400.
    """
    error = _ERRORS_BY_STATUS.get(status_int, BrokenRequest)()
    request_id = uuid.uuid4().hex
    body = to_json(envelope.wrap_error(error, request_id)) + b"\n"
    head = [
        f"HTTP/1.1 {error.status} {envelope.get_reason_phrase(error.status)}",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"X-Request-ID: {request_id}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "\r\n",
    ]
    extra = {"request_id": request_id, "status": error.status}
    logger.info("broken request %d", error.status, extra=extra)
    gunicorn.util.write_nonblock(sock, "\r\n".join(head).encode("ascii") + body)


class GunicornLogger(Logger):
    """gunicorn's messages in our own log, without the parts of a request that they repeat."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        if msg.startswith("Invalid request from"):
            return  # `write_error` logs it. What gunicorn cannot parse may hold a password.
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        if msg.startswith("Error handling request"):
            super().exception("error handling a request")  # The arguments hold the path.
        else:
            super().exception(msg, *args, **kwargs)
