"""From what a resource gives back, or what went wrong, to the response."""

from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, request
from pydantic import BaseModel
from pydantic_core import to_json

from rollbook.kit import envelope
from rollbook.kit.cursors import Cursors
from rollbook.kit.declarations import Declaration, Reply
from rollbook.kit.errors import AppError
from rollbook.kit.listing import Page, Position
from rollbook.kit.preconditions import etag, versions
from rollbook.kit.requests import preferred_type

CURSORS = "rollbook.cursors"
NOT_THE_LISTING = frozenset({"page", "page_size", "cursor", "fields"})
"""Parameters that choose what is shown of a list; all the others make it another list."""
REVALIDATED = "private, no-cache"


def rendered(reply: Reply, declared: Declaration) -> Response:
    status = declared.status
    if status == 204:
        hidden = reply.data is None or _is_hidden(reply.data, declared)
        if declared.returns is None or hidden or not _representation_preferred():
            return no_content()
        status = 200
    assert declared.returns  # noqa: S101 - for the type checker: only a 204 can do without
    response = _list(reply, declared) if declared.many else _thing(reply, declared, status)
    if status != declared.status:
        response.headers["Preference-Applied"] = "return=representation"
    if declared.location:
        response.headers["Location"] = declared.location(reply.data)
    if reply.cache_control:
        response.headers["Cache-Control"] = reply.cache_control
    return response


def failed(error: AppError) -> Response:
    request_id = g.get("request_id", "")
    if preferred_type(request) == "application/problem+json":
        content = envelope.problem(error, request_id, request.path)
        response = json_response(content, error.status, "application/problem+json")
    else:
        response = json_response(envelope.failure(error, request_id), error.status)
    response.headers.extend(error.headers)
    return response


def no_content(status: int = 204) -> Response:
    """RFC 9110 §15.3.5 and §15.4.5: no body, and so no type of one."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def json_response(content: Any, status: int, mimetype: str = "application/json") -> Response:
    """With a line break at its end, for those who read it in a shell."""
    return Response(to_json(content) + b"\n", status=status, mimetype=mimetype)


def position_of(cursor: str) -> Position:
    """Where the list that is asked for goes on. Raises: ValidationFailed."""
    return _cursors().open(cursor, _listing())


def _thing(reply: Reply, declared: Declaration, status: int) -> Response:
    data: Any = declared.returns.model_validate(reply.data)  # type: ignore[union-attr] # asserted by `rendered`
    if not declared.versioned:
        return json_response(data if declared.bare else envelope.success(data, declared.message, status), status)
    if request.method in ("GET", "HEAD") and _is_known(data.version):
        response = no_content(304)
    else:
        shown = None if _is_hidden(reply.data, declared) else data
        response = json_response(envelope.success(shown, declared.message, status), status)
    response.headers["ETag"] = etag(data.version)
    response.headers["Cache-Control"] = REVALIDATED
    return response


def _list(reply: Reply, declared: Declaration) -> Response:
    page: Page[Any] = reply.data
    rows: list[BaseModel] = [declared.returns.model_validate(item) for item in page.items]  # type: ignore[union-attr] # as above
    told = [row.model_dump(mode="json", include=set(reply.only)) for row in rows] if reply.only is not None else rows
    cursor = None if page.last is None else _cursors().close(page.last, _listing())
    response = json_response(envelope.listing(page, cursor, told, declared.message, declared.status), declared.status)
    response.headers["Link"] = _links(page, cursor)
    return response


def _is_hidden(thing: Any, declared: Declaration) -> bool:
    return declared.shows is not None and not declared.shows(str(thing.pk))


def _is_known(version: int) -> bool:
    """RFC 9110 §13.1.2: does the caller have this version?"""
    known = request.if_none_match
    return known.star_tag or version in versions(known)


def _representation_preferred() -> bool:
    """RFC 7240 §2: preferences stand in a comma-separated list, their values bare or quoted."""
    preferences = request.headers.get("Prefer", "").lower().replace('"', "").split(",")
    return "return=representation" in [preference.partition(";")[0].strip() for preference in preferences]


def _links(page: Page[Any], cursor: str | None) -> str:
    asked = {name: value for name, value in request.args.items() if value and name not in ("page", "cursor")}
    path = quote(request.path, safe="/@:!$&'()*+,;=~")
    links = {rel: urlencode(asked | {**where}) for rel, where in page.links(cursor).items()}
    return ", ".join(f'<{path}{query and "?"}{query}>; rel="{rel}"' for rel, query in links.items())


def _listing() -> str:
    """What is listed, and how: the path, and the parameters that matter."""
    asked = sorted((name, value) for name, value in request.args.items() if value and name not in NOT_THE_LISTING)
    return f"{request.path}?{urlencode(asked)}"


def _cursors() -> Cursors:
    cursors: Cursors = current_app.extensions[CURSORS]
    return cursors
