"""Authenticate each request, and refuse foreign host names and web pages."""

from collections.abc import Collection

from flask import Flask, g, request

from rollbook.access.browsers import require_allowed_host, require_own_page
from rollbook.access.guards import Authenticator
from rollbook.access.trusted_clients import (
    ADDRESS_HEADER,
    SECRET_HEADER,
    InvalidClientAddress,
    TrustedClients,
    parse_address,
)
from rollbook.cors.origins import AllowedOrigins
from rollbook.kit.errors import AppError
from rollbook.web.extensions import AUTHENTICATE

PROBES = ("ping", "health", "ready", "metrics")
"""Endpoints that a machine calls by an IP address. They change nothing."""

PAGES = "pages"
"""The blueprint of pages for people. Their forms carry a proof of their own, so no other page can
send them; and browsers say of them only that their origin is `null`, as the policy is no-referrer.
"""


def install(
    app: Flask,
    *,
    authenticate: Authenticator,
    is_open: bool,
    allowed_hosts: Collection[str] | None,
    origins: AllowedOrigins,
    trusted_clients: TrustedClients,
) -> None:
    """Install the authentication, and the protection against foreign web pages.

    `authenticate` is passed in, since sessions and users are in layers above this package.

    `is_open` says that no sign-in is required. `allowed_hosts` is None when all are allowed. PROBES
    may use any.
    """
    app.extensions[AUTHENTICATE] = authenticate

    @app.before_request
    def recognize_client() -> None:
        _recognize_client(trusted_clients)

    @app.before_request
    def refuse_foreign() -> None:
        if request.endpoint in PROBES:
            return
        if allowed_hosts is not None:
            require_allowed_host(request, allowed_hosts)
        if is_open and request.blueprint != PAGES:
            require_own_page(request, origins)


def _recognize_client(clients: TrustedClients) -> None:
    """Recognize a trusted client, and let the address that it forwards count as the caller's.

    A mistake is kept for `refuse_unknown_client`, which runs when the request is counted.
    """
    try:
        _read_client_headers(clients)
    except AppError as error:
        g.client_error = error


def refuse_unknown_client() -> None:
    """Refuse a wrong secret or address. Raises: UnknownClient, InvalidClientAddress."""
    if "client_error" in g:
        raise g.client_error


def _read_client_headers(clients: TrustedClients) -> None:
    headers = request.headers
    secret, address = headers.get(SECRET_HEADER), headers.get(ADDRESS_HEADER)
    if headers.get("Authorization", "")[:6].lower() == "basic ":
        given = request.authorization
        if given and clients.has(given.username or "", given.password or ""):
            g.trusted_client = given.username
    if secret is not None:
        g.trusted_client = clients.find_name(secret)
    elif address is not None:
        raise InvalidClientAddress()
    if address is not None:
        g.forwarded_address = parse_address(address)
