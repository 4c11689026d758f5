"""Authenticate each request, and refuse foreign web pages while no sign-in is required."""

from collections.abc import Collection

from flask import Flask, request

from rollbook.access.browsers import require_trusted_browser
from rollbook.access.guards import Authenticator
from rollbook.web.extensions import AUTHENTICATE


def install(
    app: Flask,
    *,
    authenticate: Authenticator,
    blueprint: str,
    allowed_hosts: Collection[str] | None,
) -> None:
    """Install the authentication, and the protection against foreign web pages.

    `authenticate` is passed in, since sessions and users are in layers above this package.

    `allowed_hosts` restricts requests under `blueprint`. It is None when a sign-in is required.
    Routes elsewhere, such as `/health`, hold nothing that a foreign page could change.
    """
    app.extensions[AUTHENTICATE] = authenticate
    if allowed_hosts is None:
        return

    @app.before_request
    def refuse_foreign_pages() -> None:
        if request.blueprint == blueprint:
            require_trusted_browser(request, allowed_hosts)
