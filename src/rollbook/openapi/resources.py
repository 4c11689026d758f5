"""The API's own description, as a document and as a page."""

from collections.abc import Mapping
from functools import cached_property

from flask import Flask, Response, current_app, request
from flask_restful import Resource
from flask_swagger_ui import get_swaggerui_blueprint
from pydantic_core import to_json

from rollbook.access.guards import public
from rollbook.kit.http import Api
from rollbook.openapi.specification import specification

POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""The page loads nothing from elsewhere; Swagger UI starts from an inline script."""


class Document:
    """The specification as JSON, made when it is first asked for."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits

    @cached_property
    def json(self) -> bytes:
        return to_json(specification(current_app, self._limits))


class Specification(Resource):
    def __init__(self, document: Document) -> None:
        self.document = document

    @public
    def get(self) -> Response:
        """The OpenAPI 3.1 document itself, outside the envelope."""
        return Response(self.document.json, mimetype="application/json")


def register(app: Flask, api: Api, limits: Mapping[str, int]) -> None:
    handed = {"document": Document(limits)}
    api.add_resource(Specification, "/openapi.json", resource_class_kwargs=handed)
    pages = get_swaggerui_blueprint(
        "/docs", "/openapi.json", config={"app_name": "rollbook API", "validatorUrl": None, "tryItOutEnabled": True}
    )
    pages.before_request(_forget_conditions)
    pages.after_request(_confine)
    app.register_blueprint(pages)
    app.add_url_rule("/docs", endpoint="swagger_ui.start", view_func=app.view_functions["swagger_ui.show"])


def _forget_conditions() -> None:
    """Werkzeug answers a far-off date with a crash and a range with half a page; whole answers serve as well."""
    for header in ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_IF_RANGE", "HTTP_RANGE"):
        request.environ.pop(header, None)


def _confine(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    return response
