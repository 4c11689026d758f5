"""The seam between Flask-RESTful and the rooms: declared endpoints, one envelope, errors mapped once."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import flask_restful
from flask import Flask, Response, current_app, request
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, PathConverter

from rollbook.kit import errors, preconditions, repeats
from rollbook.kit.declarations import Declaration, Reply
from rollbook.kit.errors import AppError
from rollbook.kit.rendering import failed, position_of, rendered
from rollbook.kit.requests import (
    has_body,
    parse_body,
    read_bytes,
    read_json,
    read_query,
    refuse_unacceptable,
)
from rollbook.kit.schemas import CursorQuery, In, Query

logger = logging.getLogger(__name__)

LIMITS = "rollbook.limits"
REQUIRE_IF_MATCH = "rollbook.require_if_match"
NO_BODY = b"{}"


class AnyText(PathConverter):
    """A part of a path that may hold slashes anywhere, as an e-mail address may: `<anything:ref>`.

    `<anything(but="sessions|restore"):ref>` leaves alone what ends like that, and is another resource's.
    """

    part_isolating = False

    def __init__(self, url_map: Map, but: str = "") -> None:
        super().__init__(url_map)
        self.regex = rf"(?!.*/(?:{but})$).*?" if but else ".*?"


class Api(flask_restful.Api):
    """Flask-RESTful's Api without its own error handling, which hides ours outside of debug mode."""

    def handle_error(self, e: Exception) -> Response:
        raise e


def endpoint(
    operation: str,
    message: str,
    *,
    returns: type[BaseModel] | None = None,
    many: bool = False,
    bare: bool = False,
    body: type[In] | None = None,
    query: type[Query] | None = None,
    status: int = 200,
    location: Callable[[Any], str] | None = None,
    conditional: bool = False,
    repeatable: bool = False,
    body_optional: bool = False,
    shows: Callable[[str], bool] | None = None,
    errors: tuple[type[AppError], ...] = (),
) -> Callable[[Callable[..., Reply]], Callable[..., Response]]:
    """Declare a resource method. It is handed `body` and `query` validated, where declared.

    `operation` is the operationId that generated clients are named by, `message` what a success says; `many` means that
    the reply is a Page, `bare` that it goes without the envelope, as another specification asks. `location` tells where
    the thing lives. Status 204 has no body, unless the endpoint `returns` something and the caller prefers the
    representation (RFC 7240 §4.2).

    A `conditional` method is handed `expected`, the versions that If-Match names. A `repeatable` one does its work once
    for each Idempotency-Key; what its transaction comes to is what it replies.
    """
    declaration = Declaration(
        operation,
        message,
        body,
        query or Query,
        returns,
        many,
        bare,
        status,
        location,
        conditional,
        repeatable,
        body_optional,
        shows,
        errors,
    )

    def declare(method: Callable[..., Reply]) -> Callable[..., Response]:
        @functools.wraps(method)
        def answer(self: Any, **path: str) -> Response:
            refuse_unacceptable(request)
            taken, raw = _taken(declaration, wants_query=query is not None)
            key = repeats.key_of(request) if repeatable else None
            work = functools.partial(method, self, **path, **taken)
            render = functools.partial(rendered, declared=declaration)
            return repeats.answered_once(key, raw, work, render, shows) if key else render(work())

        answer.declaration = declaration  # type: ignore[attr-defined] # a mark on the function
        return answer

    return declare


def _taken(declared: Declaration, *, wants_query: bool) -> tuple[dict[str, Any], bytes]:
    """What the method is handed, and the bytes of the body."""
    taken: dict[str, Any] = {}
    raw = b""
    asked = read_query(request, declared.query)
    if isinstance(asked, CursorQuery) and asked.cursor:
        asked.goes_on_after(position_of(asked.cursor))
    if wants_query:
        taken["query"] = asked
    if declared.conditional:
        taken["expected"] = _expected()
    if declared.body and (not declared.body_optional or has_body(request)):
        raw = read_json(request)
    elif has_body(request):
        raw = read_bytes(request)
    if declared.body:
        taken["body"] = parse_body(raw or NO_BODY, declared.body, current_app.extensions[LIMITS])
    return taken, raw


def _expected() -> preconditions.Expected:
    """Raises: PreconditionRequired."""
    if request.headers.get("If-Match", "").strip():
        return preconditions.expected(request.if_match)
    if current_app.extensions[REQUIRE_IF_MATCH]:
        raise errors.PreconditionRequired()
    return preconditions.ANY


def register_error_handlers(app: Flask) -> None:
    @app.errorhandler(AppError)
    def told(error: AppError) -> Response:
        return failed(error)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        response = failed(_from_werkzeug(error))
        response.headers.extend([pair for pair in error.get_headers() if pair[0] == "Allow"])
        return response

    @app.errorhandler(Exception)
    def crashed(error: Exception) -> Response:
        logger.error("unhandled %s", type(error).__name__, exc_info=error)
        return failed(AppError())


_BY_STATUS: dict[int | None, type[AppError]] = {
    kind.status: kind
    for kind in (
        errors.BadRequest,
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.PayloadTooLarge,
        errors.UnsupportedMediaType,
        errors.TooManyRequests,
    )
}


def _from_werkzeug(error: HTTPException) -> AppError:
    """Our error of that status; Werkzeug's own sentences may repeat what was sent."""
    if error.code is not None and error.code >= 500:
        return AppError()
    return _BY_STATUS.get(error.code, errors.BadRequest)()
