"""Declared endpoints on top of Flask-RESTful: parse the request, call the method, render."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import flask_restful
from flask import Response, current_app, request
from pydantic import BaseModel

from rollbook.kit.errors import AppError, Detail, ValidationFailed
from rollbook.kit.json_patch import JsonPatch
from rollbook.kit.schemas import CursorQuery, Query
from rollbook.web.declarations import Declaration, Reply
from rollbook.web.etags import parse_if_match
from rollbook.web.extensions import EXTRA_PARAMETERS, IDEMPOTENCY, LENGTH_LIMITS, REQUIRE_IF_MATCH
from rollbook.web.rendering import decode_cursor, render_reply
from rollbook.web.requests import (
    has_body,
    parse_body,
    parse_form,
    parse_query,
    read_bytes,
    read_json,
    require_acceptable,
)

EMPTY_BODY = b"{}"
MAX_KEY_LENGTH = 255

RunOnce: TypeAlias = Callable[
    [str, bytes, Callable[[], Reply], Callable[[Reply], Response], Declaration], Response
]
"""Takes the idempotency key, the body, the work, the renderer and the declaration."""


class Api(flask_restful.Api):
    """Flask-RESTful's Api without its error handling, which hides ours outside of debug mode."""

    def handle_error(self, e: Exception) -> Response:
        raise e


def endpoint(
    operation: str,
    message: str,
    *,
    returns: type[BaseModel] | None = None,
    many: bool = False,
    bare: bool = False,
    body: type[BaseModel] | None = None,
    is_form: bool = False,
    json_patch: type[JsonPatch] | None = None,
    query: type[Query] | None = None,
    status: int = 200,
    location: Callable[[Any], str] | None = None,
    conditional: bool = False,
    idempotent: bool = False,
    body_optional: bool = False,
    accepted: str | None = None,
    is_visible: Callable[[str], bool] | None = None,
    get_viewer: Callable[[], Any] | None = None,
    errors: tuple[type[AppError], ...] = (),
) -> Callable[[Callable[..., Reply]], Callable[..., Response]]:
    """Declare a resource method. It gets `body` and `query` validated, where they are declared.

    `operation` is the operationId, by which generated clients name their methods. `message` is
    what a success says. `many` means that the method returns a Page; `bare` that the response has
    no envelope, because another specification says so; `is_form` that the body is a form, likewise.
    `location` gives the URL of a new item. Status 204 has no body, unless the endpoint `returns`
    something and the client prefers the representation (RFC 7240 §4.2). A method with `json_patch`
    gets such a `body` if the client sends one (RFC 6902). With `accepted`, a method without a
    result gets status 202 and this message.

    A `conditional` method gets `expected`, the versions that If-Match names. An `idempotent` one
    is carried out once for each Idempotency-Key; the result of its transaction is its reply.
    """
    declaration = Declaration(
        operation,
        message,
        body,
        is_form,
        json_patch,
        query or Query,
        returns,
        many,
        bare,
        status,
        location,
        conditional,
        idempotent,
        body_optional,
        accepted,
        is_visible,
        get_viewer,
        errors,
    )

    def declare(method: Callable[..., Reply]) -> Callable[..., Response]:
        @functools.wraps(method)
        def respond(self: Any, **path: str) -> Response:
            require_acceptable(request)
            arguments, raw = _parse_request(declaration, wants_query=query is not None)
            key = _parse_idempotency_key() if idempotent else None
            work = functools.partial(method, self, **path, **arguments)
            render = functools.partial(render_reply, declaration=declaration)
            if key is None:
                return render(work())
            run_once: RunOnce = current_app.extensions[IDEMPOTENCY]
            return run_once(key, raw, work, render, declaration)

        respond.declaration = declaration  # type: ignore[attr-defined] # a mark on the function
        return respond

    return declare


def _parse_request(declaration: Declaration, *, wants_query: bool) -> tuple[dict[str, Any], bytes]:
    """Parse the request into the arguments of the method, and the bytes of the body."""
    arguments: dict[str, Any] = {}
    raw = b""
    query = parse_query(request, declaration.query, current_app.extensions[EXTRA_PARAMETERS])
    if isinstance(query, CursorQuery) and query.cursor:
        query.continue_after(decode_cursor(query.cursor))
    if wants_query:
        arguments["query"] = query
    if declaration.conditional:
        required = current_app.extensions[REQUIRE_IF_MATCH]
        arguments["expected"] = parse_if_match(request, required=required)
    types = declaration.list_body_types(request.method)
    if declaration.body and (not declaration.body_optional or has_body(request)):
        raw = read_json(request, types)
    elif has_body(request):
        raw = read_bytes(request)
    if declaration.body:
        limits = current_app.extensions[LENGTH_LIMITS]
        schema = types.get(request.mimetype, declaration.body)
        parse = parse_form if declaration.is_form else parse_body
        arguments["body"] = parse(raw or EMPTY_BODY, schema, limits)
    return arguments, raw


def _parse_idempotency_key() -> str | None:
    """Return the idempotency key, or None without one. Raises: ValidationFailed."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        message = f"At most {MAX_KEY_LENGTH} printable ASCII characters."
        raise ValidationFailed(details=[Detail("Idempotency-Key", "bad_format", message)])
    return key or None
