"""Flask-Limiter in front of the API, and what every answer says of limits."""

from typing import Any

from flask import Flask, Response, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from limits.errors import StorageError
from werkzeug.middleware.proxy_fix import ProxyFix

from rollbook.access.guards import find_user_id
from rollbook.access.origin import client_address
from rollbook.limits.standing import Standing, counted_as, headers

MEMORY = "memory://"
STORE_OPTIONS: dict[str, Any] = {"socket_connect_timeout": 1, "socket_timeout": 1}
NOWHERE = "nowhere"
"""For what is at no address or takes no such method, which counts too."""
UNLIMITED = ("ping", "health")
"""Endpoints that say whether the process is alive: to be refused there would get it killed."""
READING = ["GET", "HEAD", "OPTIONS"]
WRITING = ["POST", "PUT", "PATCH", "DELETE"]


def trust(app: Flask, proxies: int) -> None:
    """Take the client's address from X-Forwarded-For, as written by that many proxies in front; none: never."""
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0)  # type: ignore[method-assign] # Flask's own way


def install(app: Flask, blueprint: str, *, default: str, read: str, write: str, storage_uri: str) -> None:
    """Limit all but UNLIMITED: `default` for each address; under `blueprint` also `read` and `write` for each user.

    Every answer then says where its caller stands, and one that refuses for a limit how long to wait. Without its
    store each process counts for itself.
    """

    def nobody_or_elsewhere() -> bool:
        return request.blueprint != blueprint or find_user_id() is None

    limiter = Limiter(
        _by_address,
        application_limits=[
            ApplicationLimit(default, key_function=_by_address),
            ApplicationLimit(read, key_function=_by_reader, methods=READING, exempt_when=nobody_or_elsewhere),
            ApplicationLimit(write, key_function=_by_writer, methods=WRITING, exempt_when=nobody_or_elsewhere),
        ],
        storage_uri=storage_uri,
        storage_options={"wrap_exceptions": True, **STORE_OPTIONS} if storage_uri != MEMORY else {},
        in_memory_fallback_enabled=True,
        request_identifier=lambda: request.endpoint or NOWHERE,
    )
    limiter.request_filter(lambda: request.endpoint in UNLIMITED)
    limiter.init_app(app)

    @app.after_request
    def say(response: Response) -> Response:
        standings = [*_everyday(limiter), *g.get("standings", [])]
        response.headers.update(headers(standings))
        waits = [each.wait for each in standings if each.remaining == 0]
        if response.status_code == 429 and waits:
            response.headers["Retry-After"] = str(max(waits))
        return response


def tell(standing: Standing) -> None:
    """So that this answer's headers say it."""
    if g:
        g.setdefault("standings", []).append(standing)


def _everyday(limiter: Limiter) -> list[Standing]:
    """Of Flask-Limiter; nothing, when its store went away meanwhile."""
    try:
        return [_standing(each) for each in limiter.current_limits]
    except StorageError:
        return []


def _standing(each: RequestLimit) -> Standing:
    name = each.request_args[0].partition(":")[0]
    reset, remaining = each.window
    return Standing(name, each.limit.amount, each.limit.get_expiry(), remaining, reset)


def _by_address() -> str:
    return f"default:{counted_as(client_address())}"


def _by_reader() -> str:
    return f"read:{find_user_id()}"


def _by_writer() -> str:
    return f"write:{find_user_id()}"
