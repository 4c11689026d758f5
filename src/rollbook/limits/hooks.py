"""Request limits in front of the API (Flask-Limiter), and the headers that report every limit."""

from typing import Any

from flask import Flask, Response, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from limits.errors import StorageError
from werkzeug.middleware.proxy_fix import ProxyFix

from rollbook.access.client_address import get_client_address
from rollbook.access.guards import find_principal, find_user_id
from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit import metrics
from rollbook.limits.limit_status import LimitStatus, get_client_key, render_headers
from rollbook.limits.memory_store import SCHEME

MEMORY = f"{SCHEME}://"
STORE_SECONDS = 0.25
"""A sign-in asks Redis several times, and is refused within a second when it does not answer."""
NO_ENDPOINT = "no endpoint"
"""For an unknown path or method, which counts too."""
UNLIMITED = ("ping", "health", "metrics")
"""Endpoints of probes: if liveness were refused, the process would be killed."""
READ_METHODS = {"GET", "HEAD", "OPTIONS"}


class _Limiter(Limiter):
    """When several requests notice at once that the store is away, each counts in memory.

    Flask-Limiter does so for the first one only.
    """

    def _check_request_limit(self, *arguments: Any, **options: Any) -> None:
        try:
            super()._check_request_limit(*arguments, **options)
        except StorageError:
            self.context.seen_limits.clear()
            super()._check_request_limit(*arguments, **options)


def build_redis_options() -> dict[str, Any]:
    """Build the options of the store of limits in Redis: no request waits long for it."""
    from redis.backoff import NoBackoff  # Without Redis, it would take a tenth of the start.
    from redis.retry import Retry

    return {
        "wrap_exceptions": True,
        "socket_connect_timeout": STORE_SECONDS,
        "socket_timeout": STORE_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }


def trust_proxies(app: Flask, count: int) -> None:
    """Take the client's address from X-Forwarded-For, as `count` proxies wrote it.

    The nearest of them says in X-Forwarded-Proto whether the request came over TLS.
    """
    if count:
        proxied = ProxyFix(app.wsgi_app, x_for=count, x_proto=1)
        app.wsgi_app = proxied  # type: ignore[method-assign] # as Flask documents it


def install(
    app: Flask, *, blueprint: str, default: str, read: str, write: str, storage_uri: str
) -> None:
    """Limit all endpoints but UNLIMITED.

    `default` applies to each client address, except that of a trusted client. Under `blueprint`,
    `read` and `write` also apply to each user, unless their role has other limits, or the
    permission `limits:exempt`. When the store of `storage_uri` is unavailable, each process counts
    for itself.
    """

    def find_user() -> Principal | None:
        caller = find_principal() if request.blueprint == blueprint else None
        return caller if caller and caller.user_id else None

    def is_exempt() -> bool:
        user = find_user()
        return user is None or user.may(Permission.LIMITS_EXEMPT)

    defaults = {"read": read, "write": write}

    def get_limit() -> str:
        user, kind = find_user(), _get_kind()
        return (user and user.limits.get(kind)) or defaults[kind]

    limiter = _Limiter(
        _get_address_key,
        application_limits=[
            ApplicationLimit(
                default,
                key_function=_get_address_key,
                exempt_when=lambda: "trusted_client" in g and "forwarded_address" not in g,
            ),
            ApplicationLimit(get_limit, key_function=_get_user_key, exempt_when=is_exempt),
        ],
        storage_uri=storage_uri,
        storage_options=build_redis_options() if storage_uri != MEMORY else {},
        in_memory_fallback_enabled=True,
        request_identifier=lambda: request.endpoint or NO_ENDPOINT,
    )
    limiter.request_filter(lambda: request.endpoint in UNLIMITED)
    limiter.init_app(app)

    @app.after_request
    def report_limits(response: Response) -> Response:
        statuses = [*_list_request_limits(limiter), *g.get("limit_statuses", [])]
        response.headers.update(render_headers(statuses))
        used_up = [each for each in statuses if each.remaining == 0]
        if response.status_code == 429 and used_up:
            response.headers["Retry-After"] = str(max(each.wait for each in used_up))
            for each in used_up:
                metrics.limit_refusals().labels(each.name).inc()
        return response


def add_limit_status(status: LimitStatus) -> None:
    """Report `status` in the headers of the current response."""
    if g:
        g.setdefault("limit_statuses", []).append(status)


def _list_request_limits(limiter: Limiter) -> list[LimitStatus]:
    """List the limits of the current request.

    The list is empty when Flask-Limiter's store has just become unavailable.
    """
    try:
        return [_to_limit_status(each) for each in limiter.current_limits]
    except StorageError:
        return []


def _to_limit_status(each: RequestLimit) -> LimitStatus:
    name = each.request_args[0].partition(":")[0]
    reset, remaining = each.window
    return LimitStatus(name, each.limit.amount, each.limit.get_expiry(), remaining, reset)


def _get_address_key() -> str:
    return f"default:{get_client_key(get_client_address())}"


def _get_user_key() -> str:
    return f"{_get_kind()}:{find_user_id()}"


def _get_kind() -> str:
    return "read" if request.method in READ_METHODS else "write"
