"""The one shape of every answer: data, message, status_code; and RFC 9457 for those who ask for it."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from rollbook.kit.errors import AppError
from rollbook.kit.listing import Page

RENAMED = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


def success(data: Any, message: str, status: int) -> dict[str, Any]:
    return {"data": data, "message": message, "status_code": status}


def listing(page: Page[Any], cursor: str | None, data: Any, message: str, status: int) -> dict[str, Any]:
    """`cursor`: of the next page."""
    return {**success(data, message, status), "pagination": page.pagination(cursor)}


def failure(error: AppError, request_id: str) -> dict[str, Any]:
    return {
        **success(None, error.message, error.status),
        "error": {"code": error.code, "details": _details(error)},
        "request_id": request_id,
    }


def problem(error: AppError, request_id: str, instance: str) -> dict[str, Any]:
    """RFC 9457 §3.1. `type` is about:blank, so `title` is the status phrase (§4.2.1) and `code` tells the problem."""
    return {
        "type": "about:blank",
        "title": phrase(error.status),
        "status": error.status,
        "detail": error.message,
        "instance": instance,
        "code": error.code,
        "errors": _details(error),
        "request_id": request_id,
    }


def phrase(status: int) -> str:
    """The reason phrase of RFC 9110 §15, which http.HTTPStatus gives only from Python 3.13 on."""
    return RENAMED.get(status) or HTTPStatus(status).phrase


def _details(error: AppError) -> list[dict[str, str]]:
    return [asdict(detail) for detail in error.details]
