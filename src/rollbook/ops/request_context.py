"""Around every request: its id, the headers that every answer carries, and its line in the log."""

import logging
import re
import time
import uuid
from functools import cache, partial

from flask import Flask, Response, g, request

from rollbook.access.origin import client_address

HARMLESS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""No guessing of types, and no address of ours, which may hold an e-mail address, told to another site."""
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""What a browser may do with an answer that is no page."""
logger = logging.getLogger("rollbook.access_log")

# No @: a request id is logged, and an e-mail address must not be.
_SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def install(app: Flask, *, log_address: bool) -> None:
    """`log_address`: whether the line in the log says from which address a request came."""
    app.before_request(_begin)
    app.after_request(partial(_finish, log_address=log_address))


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex


def _finish(response: Response, *, log_address: bool) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.update(HARMLESS)
    response.headers.setdefault("Content-Security-Policy", NOTHING)
    logger.info(
        "%s %s %d",
        request.method,
        _route(),
        response.status_code,
        extra={
            "request_id": g.request_id,
            "method": request.method,
            "route": _route(),
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - g.started) * 1000, 1),
            **({"ip": client_address()} if log_address else {}),
        },
    )
    return response


def _route() -> str:
    """The pattern, never the path: a path may hold an e-mail address."""
    return _pattern(request.url_rule.rule) if request.url_rule else "-"


@cache
def _pattern(rule: str) -> str:
    """As OpenAPI writes it: `/users/{ref}`."""
    return re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", rule)
