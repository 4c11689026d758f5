"""Compress what is read, and never a token (Flask-Compress).

An attacker who can put text beside a secret, and sees how long the compressed response is, can
guess the secret (BREACH, CVE-2013-3587). Tokens are only in responses to POST.
"""

from collections.abc import Collection
from typing import Any

from flask import Flask, Request, Response, request
from flask_compress import Compress, DictCache

ALGORITHMS = ("zstd", "br", "gzip")
"""In the order of preference, for a client that has none."""
MIN_BYTES = 1400
"""What is smaller fits into one packet anyway."""
OPTIONS: dict[str, Any] = {
    "COMPRESS_ALGORITHM": ALGORITHMS,
    "COMPRESS_MIN_SIZE": MIN_BYTES,
    "COMPRESS_MIMETYPES": [
        "application/json",
        "application/problem+json",
        "text/css",
        "text/html",
        "application/javascript",
        "text/javascript",
        "text/plain",
    ],
    "COMPRESS_EVALUATE_CONDITIONAL_REQUEST": False,
    "COMPRESS_REGISTER": False,
    "COMPRESS_STREAMS": False,
}


def install(app: Flask, *, same_for_all: Collection[str]) -> None:
    """Install the hook. `same_for_all`: endpoints with a few files, each compressed only once."""
    app.config.update(OPTIONS)
    compress, compress_once = Compress(app), Compress(app)
    compress_once.cache, compress_once.cache_key = DictCache(), _get_path

    @app.after_request
    def compress_reads(response: Response) -> Response:
        if request.method not in ("GET", "HEAD"):
            return response
        if "HTTP_ACCEPT_ENCODING" not in request.environ or not _accepts_any():
            response.headers.add("Vary", "Accept-Encoding")
            return response
        if request.endpoint not in same_for_all:
            return compress.after_request(response)
        response.direct_passthrough = False
        response.make_sequence()
        return compress_once.after_request(response)


def _get_path(request: Request) -> str:
    return request.root_path + request.path


def _accepts_any() -> bool:
    """Return whether the client accepts compression, and refuses none of ALGORITHMS.

    Flask-Compress ignores `gzip;q=0`, and may choose what the client refuses.
    """
    accepted = request.accept_encodings
    refused = any(name in ALGORITHMS and not quality for name, quality in accepted)
    return not refused and any(accepted[name] > 0 for name in ALGORITHMS)
