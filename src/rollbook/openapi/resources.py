"""The OpenAPI document, and the page that shows it."""

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import flask
import flask_swagger_ui
from flask import Flask, Response, current_app, request
from flask_restful import Resource
from pydantic_core import to_json

from rollbook.access.guards import public
from rollbook.openapi.specification import build_specification
from rollbook.web.endpoints import Api

PAGE = Path(str(files("rollbook.openapi"))) / "page"
SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"
FILES = {
    "page.js": PAGE,
    "page.css": PAGE,
    "swagger-ui.css": SWAGGER_UI,
    "swagger-ui-bundle.js": SWAGGER_UI,
    "favicon-32x32.png": SWAGGER_UI,
}
"""What the page loads: file → its folder."""
ENDPOINTS = ("specification", "docs.send_file")
"""What they send is the same for everyone."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' "
    "data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""The page loads nothing from elsewhere. Swagger UI sets styles of elements."""
CONDITIONAL_HEADERS = (
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE",
    "HTTP_RANGE",
)


class Document:
    """The specification as JSON, built at the first request."""

    def __init__(self, app_name: str, length_limits: Mapping[str, int]) -> None:
        self._app_name = app_name
        self._length_limits = length_limits

    @cached_property
    def json(self) -> bytes:
        document = build_specification(current_app, self._length_limits, title=self._app_name)
        return to_json(document)


class Specification(Resource):
    def __init__(self, document: Document) -> None:
        self.document = document

    @public
    def get(self) -> Response:
        """Return the OpenAPI 3.1 document itself, without an envelope."""
        return Response(self.document.json, mimetype="application/json")


def register(
    app: Flask, api: Api, *, length_limits: Mapping[str, int], app_name: str, prefix: str
) -> None:
    """Register the document and the page. `prefix` is the path prefix of the API."""
    kwargs = {"document": Document(app_name, length_limits)}
    api.add_resource(Specification, "/openapi.json", resource_class_kwargs=kwargs)
    template = (PAGE / "index.html").read_text("utf-8")
    pages = flask.Blueprint("docs", __name__, url_prefix="/docs")
    pages.before_request(_drop_conditional_headers)
    pages.after_request(_set_policy)

    @pages.get("")
    def show_page() -> str:
        return flask.render_template_string(template, app_name=app_name, prefix=prefix)

    @pages.get("/<file>")
    def send_file(file: str) -> Response:
        if file not in FILES:
            flask.abort(404)
        return flask.send_from_directory(FILES[file], file)

    app.register_blueprint(pages)


def _drop_conditional_headers() -> None:
    """Drop headers that break the page.

    Werkzeug crashes on a date in the far future, and answers a range with half a page.
    """
    for header in CONDITIONAL_HEADERS:
        request.environ.pop(header, None)


def _set_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
