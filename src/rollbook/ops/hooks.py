"""Around every request: its id, the headers of every response, and one line in the log."""

import logging
import re
import time
import uuid
from functools import cache, partial

from flask import Flask, Response, g, request

from rollbook.access.client_address import get_client_address

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""For a response that does not set them itself, as a page does.

No cache; no MIME sniffing; a URL of ours, which may hold an e-mail address, is not sent to others;
and a response that is no page may load nothing.
"""
logger = logging.getLogger("rollbook.access_log")

# Without @: the request id is logged, and an e-mail address must not be.
_SAFE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def install(app: Flask, *, log_client_address: bool) -> None:
    app.before_request(_start_request)
    app.after_request(partial(_finish_request, log_client_address=log_client_address))


def _start_request() -> None:
    g.started = time.perf_counter()
    given = request.environ.get("HTTP_X_REQUEST_ID", "")
    g.request_id = given if given and _SAFE_ID.fullmatch(given) else uuid.uuid4().hex


def _finish_request(response: Response, *, log_client_address: bool) -> Response:
    request_id, route, method, headers = (
        g.request_id,
        _get_route(),
        request.method,
        response.headers,
    )
    headers.add("X-Request-ID", request_id)
    for name, value in SECURITY_HEADERS.items():
        if name not in headers:
            headers.add(name, value)
    fields = {
        "request_id": request_id,
        "method": method,
        "route": route,
        "status": response.status_code,
        "milliseconds": round((time.perf_counter() - g.started) * 1000, 1),
    }
    if log_client_address:
        fields["ip"] = get_client_address()
    if "trusted_client" in g:
        fields["client"] = g.trusted_client
    logger.info("%s %s %d", method, route, response.status_code, extra=fields)
    return response


def _get_route() -> str:
    """Return the pattern of the path, never the path itself, which may hold an e-mail address."""
    rule = request.url_rule
    return _render_pattern(rule.rule) if rule else "-"


@cache
def _render_pattern(rule: str) -> str:
    """Render a pattern as OpenAPI writes it: `/users/{ref}`."""
    return re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", rule)
