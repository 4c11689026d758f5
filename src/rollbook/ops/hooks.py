"""Around every request: its id, the headers of every response, and one line in the log."""

import logging
import re
import time
import uuid
from functools import cache, partial

from flask import Flask, Response, g, request

from rollbook.access.client_address import get_client_address

SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""No MIME sniffing; and a URL of ours, which may hold an e-mail address, is not sent to others."""
DENY_ALL_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of a response that is no page."""
logger = logging.getLogger("rollbook.access_log")

# Without @: the request id is logged, and an e-mail address must not be.
_SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def install(app: Flask, *, log_client_address: bool) -> None:
    app.before_request(_start_request)
    app.after_request(partial(_finish_request, log_client_address=log_client_address))


def _start_request() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _SAFE_ID.fullmatch(given) else uuid.uuid4().hex


def _finish_request(response: Response, *, log_client_address: bool) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.update(SECURITY_HEADERS)
    response.headers.setdefault("Content-Security-Policy", DENY_ALL_POLICY)
    logger.info(
        "%s %s %d",
        request.method,
        _get_route(),
        response.status_code,
        extra={
            "request_id": g.request_id,
            "method": request.method,
            "route": _get_route(),
            "status": response.status_code,
            "milliseconds": round((time.perf_counter() - g.started) * 1000, 1),
            **({"ip": get_client_address()} if log_client_address else {}),
        },
    )
    return response


def _get_route() -> str:
    """Return the pattern of the path, never the path itself, which may hold an e-mail address."""
    return _render_pattern(request.url_rule.rule) if request.url_rule else "-"


@cache
def _render_pattern(rule: str) -> str:
    """Render a pattern as OpenAPI writes it: `/users/{ref}`."""
    return re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", rule)
