"""Around every request: its id, the headers of every response, its line in the log, its metrics."""

import logging
import re
import time
from functools import cache, lru_cache, partial

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

from rollbook.access.client_address import get_client_address
from rollbook.access.principal import Principal
from rollbook.kit import metrics
from rollbook.kit.request_ids import choose_request_id

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

# W3C Trace Context, §3.2: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
TRACE_ID = "rollbook.trace_id"
"""In the environ: the id of the trace that a request belongs to, if it is traced."""
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER = "other"


def install(app: Flask, *, log_client_address: bool, hsts: str) -> None:
    """Install the hooks. `hsts` is the Strict-Transport-Security of requests over TLS."""
    app.before_request(_start_request)
    app.after_request(partial(_finish_request, log_client_address=log_client_address))
    app.teardown_request(_end_request)

    @app.after_request
    def require_tls(response: Response) -> Response:
        if request.environ["wsgi.url_scheme"] == "https":
            response.headers.setdefault("Strict-Transport-Security", hsts)
        return response


def _start_request() -> None:
    g.started = time.perf_counter()
    metrics.http_requests_in_flight().inc()
    g.request_id = choose_request_id(request.environ.get("HTTP_X_REQUEST_ID", ""))


def _finish_request(response: Response, *, log_client_address: bool) -> Response:
    headers, status, route = response.headers, response.status_code, get_route()
    headers.add("X-Request-ID", g.request_id)
    for name, value in SECURITY_HEADERS.items():
        if name not in headers:
            headers.add(name, value)
    seconds = time.perf_counter() - g.started
    method = request.method if request.method in METHODS else OTHER
    count, measure = _get_request_metrics(method, route, status)
    count.inc()
    measure.observe(seconds)
    fields = {
        "request_id": g.request_id,
        "method": method,
        "route": route,
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        **_describe_caller(log_client_address=log_client_address),
    }
    logger.info("%s %s %d", method, route, status, extra=fields)
    return response


def _end_request(_: BaseException | None) -> None:
    metrics.http_requests_in_flight().dec()


def _describe_caller(*, log_client_address: bool) -> dict[str, str | None]:
    """Describe who has sent the request, for the log."""
    caller: dict[str, str | None] = {}
    if log_client_address:
        caller["ip"] = get_client_address()
    principal = g.get("principal")
    if isinstance(principal, Principal) and principal.user_id:
        caller |= {"user": principal.user_id, "session": principal.session_id}
    caller |= g.get("signed_in", {})
    if "trusted_client" in g:
        caller["client"] = g.trusted_client
    if trace_id := request.environ.get(TRACE_ID) or _find_trace_id():
        caller["trace_id"] = trace_id
    return caller


def _find_trace_id() -> str | None:
    trace = _TRACEPARENT.fullmatch(request.environ.get("HTTP_TRACEPARENT", ""))
    return trace and trace[1]


@lru_cache(maxsize=2000)
def _get_request_metrics(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return (
        metrics.http_requests().labels(method, route, status),
        metrics.http_request_seconds().labels(method, route),
    )


def get_route() -> str:
    """Return the pattern of the path, never the path itself, which may hold an e-mail address."""
    rule = request.url_rule
    return _render_pattern(rule.rule) if rule else "-"


@cache
def _render_pattern(rule: str) -> str:
    """Render a pattern as OpenAPI writes it: `/users/{ref}`."""
    return re.sub(r"<(?:[^<>:]+:)?(\w+)>", r"{\1}", rule)
