"""Rendering of what a resource method returns, or of an error, as the response."""

from collections.abc import Sequence, Set
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from flask import Response, current_app, g, request
from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_json

from rollbook.kit.errors import AppError
from rollbook.kit.listing import Page, Position
from rollbook.web import envelope
from rollbook.web.cursors import Cursors
from rollbook.web.declarations import Declaration, Reply
from rollbook.web.etags import find_current_etag, render_etag
from rollbook.web.extensions import CURSORS
from rollbook.web.requests import PROBLEM, find_media_type

PRESENTATION_PARAMETERS = frozenset({"page", "page_size", "cursor", "fields"})
"""They choose what to show of a list. Any other parameter makes it another list."""
REVALIDATE = "private, no-cache"


def render_reply(reply: Reply, declaration: Declaration) -> Response:
    status = declaration.status
    if status == 204:
        hidden = reply.data is None or _is_hidden(reply.data, declaration)
        if declaration.returns is None or hidden or not _prefers_representation():
            return render_no_content()
        status = 200
    if reply.data is None and declaration.accepted:
        return render_json(envelope.wrap_data(None, declaration.accepted, 202), 202)
    if declaration.many:
        response = _render_list(reply, declaration)
    else:
        response = _render_item(reply, declaration, status)
    if status != declaration.status:
        response.headers["Preference-Applied"] = "return=representation"
    if declaration.location:
        response.headers["Location"] = declaration.location(reply.data)
    if reply.cache_control:
        response.headers["Cache-Control"] = reply.cache_control
    return response


def render_error(error: AppError) -> Response:
    """Render the envelope, or application/problem+json for a client that prefers it."""
    request_id = g.get("request_id", "")
    if find_media_type(request.environ.get("HTTP_ACCEPT")) == PROBLEM:
        content = envelope.build_problem(error, request_id, request.path)
        response = render_json(content, error.status, PROBLEM)
    else:
        response = render_json(envelope.wrap_error(error, request_id), error.status)
    response.headers.extend(error.headers)
    return response


def render_no_content(status: int = 204) -> Response:
    """Render a response without a body and a Content-Type (RFC 9110 §15.3.5, §15.4.5)."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def render_json(content: Any, status: int, mimetype: str = "application/json") -> Response:
    """Render JSON. It ends with a line break, for people who read it in a shell."""
    return Response(to_json(content) + b"\n", status=status, mimetype=mimetype)


def decode_cursor(cursor: str) -> Position:
    """Decode the position in the list of the current request. Raises: ValidationFailed."""
    return _get_cursors().decrypt(cursor, _identify_list())


def _render_item(reply: Reply, declaration: Declaration, status: int) -> Response:
    if not declaration.has_etag:
        data = _validate(declaration, reply.data) if declaration.returns else None
        wrapped = envelope.wrap_data(data, declaration.message, status)
        return render_json(data if declaration.bare else wrapped, status)
    version = _get(reply.data, "version")
    etag = find_current_etag(request, version) if request.method in ("GET", "HEAD") else None
    if etag:
        response = render_no_content(304)
    else:
        hidden = _is_hidden(reply.data, declaration)
        shown = None if hidden else _validate(declaration, reply.data)
        wrapped = envelope.wrap_data(shown, declaration.message, status)
        response = render_json(wrapped, status)
    response.headers.add("ETag", etag or render_etag(version))
    response.headers.add("Cache-Control", REVALIDATE)
    return response


def _render_list(reply: Reply, declaration: Declaration) -> Response:
    page: Page[Any] = reply.data
    items = _validate_all(declaration, page.items, reply.only)
    cursor = None if page.end is None else _get_cursors().encrypt(page.end, _identify_list())
    status, message = declaration.status, declaration.message
    response = render_json(envelope.wrap_page(page, cursor, items, message, status), status)
    response.headers["Link"] = _render_links(page, cursor)
    return response


def _validate(declaration: Declaration, item: Any) -> Any:
    """Validate an item. The out-schema is an allow-list: a field that it lacks is dropped here."""
    schema: type[BaseModel] | None = declaration.returns
    assert schema  # noqa: S101 - for the type checker: the caller has looked
    viewer = declaration.get_viewer() if declaration.get_viewer else None
    return schema.model_validate(item, context=viewer)


def _validate_all(
    declaration: Declaration, items: Sequence[Any], only: Set[str] | None
) -> list[Any]:
    """Validate the items of a list in one call, and leave out all fields but `only`."""
    assert declaration.returns  # noqa: S101 - for the type checker: a list has an out-schema
    viewer = declaration.get_viewer() if declaration.get_viewer else None
    adapter = _get_list_adapter(declaration.returns)
    validated: list[Any] = adapter.validate_python(items, context=viewer)
    if only is None:
        return validated
    shown: list[Any] = adapter.dump_python(validated, mode="json", include={"__all__": set(only)})
    return shown


@cache
def _get_list_adapter(schema: type[BaseModel]) -> TypeAdapter[Any]:
    return TypeAdapter(list[schema])  # type: ignore[valid-type] # only known at run time


def _is_hidden(item: Any, declaration: Declaration) -> bool:
    return declaration.is_visible is not None and not declaration.is_visible(str(_get(item, "_id")))


def _get(item: Any, field: str) -> Any:
    """Return a field of a stored row or a document."""
    if isinstance(item, dict):
        return item[field]
    return getattr(item, "pk" if field == "_id" else field)


def _prefers_representation() -> bool:
    """Return whether the client prefers the representation.

    Preferences are a comma-separated list, their values bare or quoted (RFC 7240 §2).
    """
    preferences = request.headers.get("Prefer", "").lower().replace('"', "").split(",")
    names = [preference.partition(";")[0].strip() for preference in preferences]
    return "return=representation" in names


def _render_links(page: Page[Any], cursor: str | None) -> str:
    """Render the Link header (RFC 8288)."""
    kept = {k: v for k, v in request.args.items() if v and k not in ("page", "cursor")}
    path = quote(request.path, safe="/@:!$&'()*+,;=~")
    queries = {rel: urlencode(kept | {**p}) for rel, p in page.build_links(cursor).items()}
    return ", ".join(
        f'<{path}{query and "?"}{query}>; rel="{rel}"' for rel, query in queries.items()
    )


def _identify_list() -> str:
    """Identify the list: its path, and the parameters that decide its items and their order."""
    kept = {k: v for k, v in request.args.items() if v and k not in PRESENTATION_PARAMETERS}
    return f"{request.path}?{urlencode(sorted(kept.items()))}"


def _get_cursors() -> Cursors:
    cursors: Cursors = current_app.extensions[CURSORS]
    return cursors
