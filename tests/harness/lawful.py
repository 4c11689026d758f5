"""A client that checks the law on every answer: envelope, status, headers, and nothing secret."""

import json
from typing import Any
from urllib.parse import unquote

from flask.testing import FlaskClient

SECRET_MARKS = ("$2b$", "hmac-sha256", '"password_hash":', '"email_key":', '"name_key":', "Traceback", "mongodb://")
ENVELOPE = {"data", "message", "status_code"}


def check(status: int, headers: Any, body: bytes, sent: bytes = b"", asked: str = "") -> None:
    """`asked`: the address. What was asked or sent may be named. Raises: AssertionError, against the contract."""
    assert headers["X-Request-ID"]
    assert headers["Cache-Control"]
    if status in (204, 304):
        assert not body
        assert "Content-Type" not in headers
        return
    text = body.decode("utf-8")
    for mark in SECRET_MARKS:
        assert mark not in text or mark in asked + sent.decode("utf-8", "replace"), f"{mark} leaks"
    assert _password_in(sent) is None or _password_in(sent) not in text, "the password is echoed"
    if headers["Content-Type"] == "application/json":
        _check_envelope(status, json.loads(body))
    if status == 503:
        assert headers["Retry-After"].isdigit()


def _check_envelope(status: int, answer: dict[str, Any]) -> None:
    if "openapi" in answer or "keys" in answer:
        return
    assert answer["status_code"] == status
    if status >= 400:
        assert set(answer) == ENVELOPE | {"error", "request_id"}
        assert answer["data"] is None
        assert set(answer["error"]) == {"code", "details"}
        assert all(set(detail) == {"field", "code", "message"} for detail in answer["error"]["details"])
    else:
        assert set(answer) - {"pagination"} == ENVELOPE
        assert ("pagination" in answer) == isinstance(answer["data"], list)


def _password_in(sent: bytes) -> str | None:
    try:
        password = json.loads(sent).get("password")
    except (ValueError, AttributeError, RecursionError):
        return None
    return password if isinstance(password, str) and len(password) > 8 else None


class LawfulClient(FlaskClient):
    def open(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().open(*args, **kwargs)
        if kwargs.get("method") == "HEAD":
            return answer
        sent = kwargs.get("data") or json.dumps(kwargs.get("json")).encode()
        content = answer.get_data() if answer.mimetype in ("application/json", "application/problem+json", "") else b""
        sent = sent if isinstance(sent, bytes) else sent.encode()
        check(answer.status_code, answer.headers, content, sent, unquote(answer.request.url))
        return answer
