"""What a web page elsewhere could make a browser send, where nobody signs in (AUTH_REQUIRED=false).

A browser adds no token by itself, so a guarded API has nothing to fear from other pages. An open one has two things: a
foreign page that sends a request across origins (cross-site request forgery), and one whose host name is made to mean
this server's address (DNS rebinding).
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from flask import Flask, request

from rollbook.kit.errors import BadRequest, Forbidden

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SAME_SITE = ("same-origin", "same-site", "none")
"""Values of Sec-Fetch-Site (W3C Fetch Metadata) of what comes from one's own pages, or from no page at all."""


class HostNotAllowed(BadRequest):
    code, message = "host_not_allowed", "This host name is not served here; add it to ALLOWED_HOSTS."


class CrossOrigin(Forbidden):
    code, message = "cross_origin", "A page of another origin may not change anything here."


def install(app: Flask, blueprint: str, hosts: Collection[str]) -> None:
    """Refuse requests for a host that is not in `hosts`, and changes that a page of another origin sends.

    What is not under `blueprint`, such as the health of the process, is anyone's to read, by whatever name.
    """

    @app.before_request
    def refuse_foreign() -> None:
        if request.blueprint != blueprint:
            return
        if urlsplit(f"//{request.host}").hostname not in hosts:
            raise HostNotAllowed()
        if request.method not in SAFE_METHODS and _is_cross_origin():
            raise CrossOrigin()


def _is_cross_origin() -> bool:
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "none") not in SAME_SITE:
        return True
    try:
        return origin is not None and urlsplit(origin).netloc != request.host
    except ValueError:  # No address at all.
        return True
