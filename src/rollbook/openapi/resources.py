"""The OpenAPI document, and the page that shows it."""

from collections.abc import Mapping
from functools import cached_property

from flask import Flask, Response, current_app, request
from flask_restful import Resource
from flask_swagger_ui import get_swaggerui_blueprint
from pydantic_core import to_json

from rollbook.access.guards import public
from rollbook.openapi.specification import build_specification
from rollbook.web.endpoints import Api

PAGE_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
"""The page loads nothing from elsewhere. Swagger UI starts from an inline script."""
PAGE_CONFIG = {"app_name": "rollbook API", "validatorUrl": None, "tryItOutEnabled": True}
CONDITIONAL_HEADERS = (
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE",
    "HTTP_RANGE",
)


class Document:
    """The specification as JSON, built at the first request."""

    def __init__(self, length_limits: Mapping[str, int]) -> None:
        self._length_limits = length_limits

    @cached_property
    def json(self) -> bytes:
        return to_json(build_specification(current_app, self._length_limits))


class Specification(Resource):
    def __init__(self, document: Document) -> None:
        self.document = document

    @public
    def get(self) -> Response:
        """Return the OpenAPI 3.1 document itself, without an envelope."""
        return Response(self.document.json, mimetype="application/json")


def register(app: Flask, api: Api, length_limits: Mapping[str, int]) -> None:
    kwargs = {"document": Document(length_limits)}
    api.add_resource(Specification, "/openapi.json", resource_class_kwargs=kwargs)
    pages = get_swaggerui_blueprint("/docs", "/openapi.json", config=PAGE_CONFIG)
    pages.before_request(_drop_conditional_headers)
    pages.after_request(_set_policy)
    app.register_blueprint(pages)
    page = app.view_functions["swagger_ui.show"]
    app.add_url_rule("/docs", endpoint="swagger_ui.start", view_func=page)


def _drop_conditional_headers() -> None:
    """Drop headers that break the page.

    Werkzeug crashes on a date in the far future, and answers a range with half a page.
    """
    for header in CONDITIONAL_HEADERS:
        request.environ.pop(header, None)


def _set_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response
