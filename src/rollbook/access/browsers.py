"""Foreign host names, and pages of other origins, are refused.

A browser does not add an access token by itself, so other pages are no threat to a guarded API. An
open API needs protection against cross-site request forgery (a page of another origin sends a
request) and against DNS rebinding (a foreign host name is made to resolve to this server).
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Request

from rollbook.cors.origins import AllowedOrigins
from rollbook.kit.errors import BadRequest, Forbidden

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
TRUSTED_FETCH_SITES = ("same-origin", "same-site", "none")
"""Values of Sec-Fetch-Site (W3C Fetch Metadata) for pages of this server, and for no page."""


class HostNotAllowed(BadRequest):
    """The Host header names a host that is not in ALLOWED_HOSTS."""

    code, message = "host_not_allowed", "This host name is not allowed. Add it to ALLOWED_HOSTS."


class CrossOrigin(Forbidden):
    """AUTH_REQUIRED=false, and a page of another origin tries to change something."""

    code = "cross_origin"
    message = "A page of another origin may not change anything here. Add it to CORS_ORIGINS."


def require_allowed_host(request: Request, allowed_hosts: Collection[str]) -> None:
    """Refuse a foreign host name. Raises: HostNotAllowed."""
    if urlsplit(f"//{request.host}").hostname not in allowed_hosts:
        raise HostNotAllowed()


def require_own_page(request: Request, origins: AllowedOrigins) -> None:
    """Refuse changes by pages of other origins than `origins`. Raises: CrossOrigin."""
    if request.method in SAFE_METHODS or origins.allow(request.headers.get("Origin")):
        return
    if _is_cross_origin(request):
        raise CrossOrigin()


def _is_cross_origin(request: Request) -> bool:
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "none") not in TRUSTED_FETCH_SITES:
        return True
    try:
        return origin is not None and urlsplit(origin).netloc != request.host
    except ValueError:  # The header holds no URL.
        return True
