"""The seam between Flask-RESTful and the rooms: declared endpoints, one envelope, errors mapped once."""

import functools
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import flask_restful
from flask import Flask, Response, current_app, g, request
from pydantic import BaseModel
from pydantic_core import to_json
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, PathConverter

from rollbook.kit import envelope, errors
from rollbook.kit.errors import AppError
from rollbook.kit.listing import Page
from rollbook.kit.requests import preferred_type, read_body, read_query, refuse_unacceptable
from rollbook.kit.schemas import In, Query

logger = logging.getLogger(__name__)


class AnyText(PathConverter):
    """A part of a path that may hold slashes anywhere, as an e-mail address may: `<anything:ref>`.

    `<anything(but="/sessions"):ref>` leaves alone what ends like that, and is another resource's.
    """

    part_isolating = False

    def __init__(self, url_map: Map, but: str = "") -> None:
        super().__init__(url_map)
        self.regex = rf"(?!.*{re.escape(but)}$).*?" if but else ".*?"


class Api(flask_restful.Api):
    """Flask-RESTful's Api without its own error handling, which hides ours outside of debug mode."""

    def handle_error(self, e: Exception) -> Response:
        raise e


@dataclass(frozen=True)
class Reply:
    """What a resource method gives back: the thing, or a Page of them; where a new one lives; who may keep it."""

    data: Any
    location: str | None = None
    cache_control: str | None = None


@dataclass(frozen=True)
class PathParameter:
    """What stands for a part of a resource's path; a resource names them in `path_parameters`."""

    description: str
    example: str


@dataclass(frozen=True)
class Declaration:
    """What an endpoint takes, gives and may raise. `rollbook.openapi` publishes the same."""

    operation: str
    message: str
    body: type[In] | None
    query: type[Query]
    returns: type[BaseModel] | None
    many: bool
    bare: bool
    status: int
    errors: tuple[type[AppError], ...]


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
    errors: tuple[type[AppError], ...] = (),
) -> Callable[[Callable[..., Reply]], Callable[..., Response]]:
    """Declare a resource method. It is handed `body` and `query` validated, where declared.

    `operation` is the operationId that generated clients are named by, `message` what a success says; `many` means that
    the reply is a Page, `bare` that it goes without the envelope, as another specification asks. Status 204 has no
    body, unless the endpoint `returns` something and the caller prefers the representation (RFC 7240 §4.2).
    """
    declaration = Declaration(operation, message, body, query or Query, returns, many, bare, status, errors)

    def declare(method: Callable[..., Reply]) -> Callable[..., Response]:
        @functools.wraps(method)
        def answer(self: Any, **path: str) -> Response:
            refuse_unacceptable(request)
            taken: dict[str, Any] = {}
            asked = read_query(request, declaration.query)
            if query:
                taken["query"] = asked
            if body:
                taken["body"] = read_body(request, body, current_app.extensions["rollbook.limits"])
            return _rendered(method(self, **path, **taken), declaration)

        answer.declaration = declaration  # type: ignore[attr-defined] # a mark on the function
        return answer

    return declare


def no_content() -> Response:
    """RFC 9110 §15.3.5: no body, and so no type of one."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response


def json_response(content: Any, status: int, mimetype: str = "application/json") -> Response:
    """With a line break at its end, for those who read it in a shell."""
    return Response(to_json(content) + b"\n", status=status, mimetype=mimetype)


def register_error_handlers(app: Flask) -> None:
    @app.errorhandler(AppError)
    def told(error: AppError) -> Response:
        return _failed(error)

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        response = _failed(_from_werkzeug(error))
        response.headers.extend([pair for pair in error.get_headers() if pair[0] == "Allow"])
        return response

    @app.errorhandler(Exception)
    def crashed(error: Exception) -> Response:
        logger.error("unhandled %s", type(error).__name__, exc_info=error)
        return _failed(AppError())


def _rendered(reply: Reply, declared: Declaration) -> Response:
    status = declared.status
    if status == 204:
        if declared.returns is None or not _representation_preferred():
            return no_content()
        status = 200
    assert declared.returns  # noqa: S101 - for the type checker: only a 204 can do without
    if declared.many:
        rows = [declared.returns.model_validate(item) for item in reply.data.items]
        response = json_response(envelope.listing(reply.data, rows, declared.message, status), status)
        response.headers["Link"] = _links(reply.data)
    else:
        data = declared.returns.model_validate(reply.data)
        content = data if declared.bare else envelope.success(data, declared.message, status)
        response = json_response(content, status)
    if status != declared.status:
        response.headers["Preference-Applied"] = "return=representation"
    if reply.location:
        response.headers["Location"] = reply.location
    if reply.cache_control:
        response.headers["Cache-Control"] = reply.cache_control
    return response


def _representation_preferred() -> bool:
    """RFC 7240 §2: preferences stand in a comma-separated list, their values bare or quoted."""
    preferences = request.headers.get("Prefer", "").lower().replace('"', "").split(",")
    return "return=representation" in [preference.partition(";")[0].strip() for preference in preferences]


def _links(page: Page[Any]) -> str:
    asked = {name: value for name, value in request.args.items() if value}
    return ", ".join(
        f'<{request.path}?{urlencode({**asked, "page": number})}>; rel="{rel}"' for rel, number in page.links().items()
    )


def _failed(error: AppError) -> Response:
    request_id = g.get("request_id", "")
    if preferred_type(request) == "application/problem+json":
        content = envelope.problem(error, request_id, request.path)
        response = json_response(content, error.status, "application/problem+json")
    else:
        response = json_response(envelope.failure(error, request_id), error.status)
    response.headers.extend(error.headers)
    return response


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
