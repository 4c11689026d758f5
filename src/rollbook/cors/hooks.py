"""Let the pages of listed origins call the API (CORS: WHATWG Fetch §3.2)."""

from collections.abc import Collection

from flask import Flask, Response, request
from flask_cors import CORS

from rollbook.cors.origins import AllowedOrigins

PREFLIGHT_SECONDS = 600
"""How long a browser may remember a preflight."""


def install(app: Flask, *, origins: AllowedOrigins, exposed_headers: Collection[str]) -> None:
    """Answer preflights before any limit or sign-in, and mark responses for listed origins."""

    @app.before_request
    def answer_preflight() -> Response | None:
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        response = Response(status=204)
        del response.headers["Content-Type"]
        return response

    @app.after_request
    def vary_by_origin(response: Response) -> Response:
        """Keep a cache from sending the response for one origin to another."""
        response.headers.add("Vary", "Origin")
        return response

    if not origins.patterns:
        return
    CORS(
        app,
        origins=origins.patterns,
        supports_credentials=True,
        expose_headers=list(exposed_headers),
        max_age=PREFLIGHT_SECONDS,
        vary_header=False,
        always_send=False,
        intercept_exceptions=False,
    )
