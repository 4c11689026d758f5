"""What goes wrong between a client and rollbook."""

from typing import Any, Literal

import httpx

from rollbook_client.types import Detail, ErrorCode

EXPIRED = ("token_expired", "invalid_token")
ENDED = (*EXPIRED, "unauthenticated", "invalid_refresh_token")


class RollbookError(Exception):
    """rollbook refused the request, or something else responded: then `code` is "unknown".

    `details` name the fields. `retry_after` are the seconds to wait, after 429 and 503.
    `request_id` finds the request in the log of the server.
    """

    def __init__(
        self,
        status: int,
        code: ErrorCode | Literal["unknown"],
        message: str,
        details: list[Detail],
        request_id: str | None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, code, message, details, request_id, retry_after)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        details = "".join(f" {each['field']}: {each['message']}" for each in self.details)
        after = "" if self.retry_after is None else f" Retry-After: {self.retry_after:.0f} s."
        return f"{self.status} {self.code}: {self.message}{details}{after}"


def parse_body(response: httpx.Response) -> dict[str, Any]:
    """Parse the envelope: `data`, `message`, `status_code`, and `pagination` for a list.

    Raises: RollbookError, when the status is an error or the body is not an envelope.
    """
    if response.status_code == 204:
        return {"data": None, "message": "", "status_code": 204}
    body = _parse_object(response)
    if response.is_success and "data" in body:
        return body
    raise _build_error(response, body)


def find_code(response: httpx.Response) -> str | None:
    """Return the code of an error, or None for a success."""
    return None if response.is_success else _build_error(response, _parse_object(response)).code


def _parse_object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _build_error(response: httpx.Response, body: dict[str, Any]) -> RollbookError:
    error = body.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("code"), str):
        url = response.url.copy_with(userinfo=b"", query=None)
        message = f"{url} did not respond as rollbook does."
        message += " Check the URL." if response.status_code < 500 else ""
        return RollbookError(response.status_code, "unknown", message, [], None)
    details, request_id = error.get("details", []), body.get("request_id")
    message, wait = body.get("message", ""), parse_retry_after(response)
    return RollbookError(response.status_code, error["code"], message, details, request_id, wait)


def parse_retry_after(response: httpx.Response) -> float | None:
    """Parse the seconds of Retry-After (RFC 9110 §10.2.3), if there are any."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else None
