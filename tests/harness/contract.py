"""A test client that checks the contract of every response: envelope, headers, and no secrets."""

import gzip
import json
from typing import Any
from urllib.parse import unquote

import brotli
from flask.testing import FlaskClient
from flask_compress.compat import compression

SECRET_MARKS = (
    "$2b$",
    "hmac-sha256",
    '"password_hash":',
    '"email_key":',
    '"name_key":',
    "Traceback",
    "mongodb://",
)
ENVELOPE = {"data", "message", "status_code"}
BARE = {"openapi", "keys", "issuer", "active"}
"""Documents that have no envelope, because another specification says so."""
DECOMPRESS = {
    None: bytes,
    "zstd": compression.zstd.decompress,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}
"""By Content-Encoding."""
JSON_TYPES = ("application/json", "application/problem+json", "")


def check(status: int, headers: Any, body: bytes, sent: bytes = b"", url: str = "") -> None:
    """Raises: AssertionError, if the response breaks the contract.

    `sent` is the body of the request. The response may repeat what `sent` and `url` contain.
    """
    assert headers["X-Request-ID"]
    assert headers["Cache-Control"]
    if status in (204, 304):
        assert not body
        assert "Content-Type" not in headers
        return
    encoding = headers.get("Content-Encoding") if body else None
    text = DECOMPRESS[encoding](body).decode("utf-8")
    request = url + sent.decode("utf-8", "replace")
    for mark in SECRET_MARKS:
        assert mark not in text or mark in request, f"the response contains {mark}"
    password = _find_password(sent)
    assert password is None or password not in text, "the response repeats the password"
    if headers["Content-Type"] == "application/json":
        _check_envelope(status, json.loads(text))
    if status == 503:
        assert headers["Retry-After"].isdigit()


def _check_envelope(status: int, content: dict[str, Any]) -> None:
    if not BARE.isdisjoint(content):
        return
    assert content["status_code"] == status
    if status >= 400:
        assert set(content) == ENVELOPE | {"error", "request_id"}
        assert content["data"] is None
        assert set(content["error"]) == {"code", "details"}
        assert all(
            set(detail) == {"field", "code", "message"} for detail in content["error"]["details"]
        )
    else:
        assert set(content) - {"pagination"} == ENVELOPE
        assert ("pagination" in content) == isinstance(content["data"], list)


def _find_password(sent: bytes) -> str | None:
    try:
        password = json.loads(sent).get("password")
    except (ValueError, AttributeError, RecursionError):
        return None
    return password if isinstance(password, str) and len(password) > 8 else None


class ContractClient(FlaskClient):
    def open(self, *args: Any, **kwargs: Any) -> Any:
        response = super().open(*args, **kwargs)
        if kwargs.get("method") == "HEAD":
            return response
        sent = kwargs.get("data") or kwargs.get("json")
        sent = json.dumps(sent) if isinstance(sent, dict | list | None) else sent
        sent = sent if isinstance(sent, bytes) else sent.encode()
        body = response.get_data() if response.mimetype in JSON_TYPES else b""
        check(response.status_code, response.headers, body, sent, unquote(response.request.url))
        return response
