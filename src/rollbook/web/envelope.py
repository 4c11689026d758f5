"""The shape of every response: `data / message / status_code`, or RFC 9457 for errors."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from rollbook.kit.errors import AppError
from rollbook.kit.listing import Page

RENAMED_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}
"""`http.HTTPStatus` has the phrases of RFC 9110 §15 only from Python 3.13 on."""


def wrap_data(data: Any, message: str, status: int) -> dict[str, Any]:
    return {"data": data, "message": message, "status_code": status}


def wrap_page(
    page: Page[Any], next_cursor: str | None, data: Any, message: str, status: int
) -> dict[str, Any]:
    pagination = page.render_pagination(next_cursor)
    return {**wrap_data(data, message, status), "pagination": pagination}


def wrap_error(error: AppError, request_id: str) -> dict[str, Any]:
    return {
        **wrap_data(None, error.message, error.status),
        "error": {"code": error.code, "details": _render_details(error)},
        "request_id": request_id,
    }


def build_problem(error: AppError, request_id: str, instance: str) -> dict[str, Any]:
    """Build a problem (RFC 9457 §3.1).

    As `type` is about:blank, `title` is the reason phrase (§4.2.1).
    """
    return {
        "type": "about:blank",
        "title": get_reason_phrase(error.status),
        "status": error.status,
        "detail": error.message,
        "instance": instance,
        "code": error.code,
        "errors": _render_details(error),
        "request_id": request_id,
    }


def get_reason_phrase(status: int) -> str:
    """Return the reason phrase of a status (RFC 9110 §15)."""
    return RENAMED_PHRASES.get(status) or HTTPStatus(status).phrase


def _render_details(error: AppError) -> list[dict[str, str]]:
    return [asdict(detail) for detail in error.details]
