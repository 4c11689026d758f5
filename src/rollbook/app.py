"""The composition root: the only file that knows every room."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import flask

import rollbook.openapi.resources
import rollbook.ops.resources
import rollbook.users.resources
from rollbook.access import guards, open_house
from rollbook.audit.documents import AuditEntry
from rollbook.kit import clock
from rollbook.kit.database import Database
from rollbook.kit.http import AnyText, Api, register_error_handlers
from rollbook.kit.passwords import PasswordHasher
from rollbook.ops import request_context
from rollbook.settings import Settings
from rollbook.users.documents import User
from rollbook.users.password_policy import PasswordPolicy
from rollbook.users.schemas import LONGEST_PASSWORD
from rollbook.users.service import UserService

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

DOCUMENTS = (User, AuditEntry)


class RollbookFlask(flask.Flask):
    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """A trailing slash is the same path, for every route at once, and without a redirect that loses a body."""
        environ["PATH_INFO"] = environ.get("PATH_INFO", "").rstrip("/") or "/"
        return super().wsgi_app(environ, start_response)

    def make_default_options_response(self) -> flask.Response:
        """An answer without a body is a 204."""
        response = super().make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response


def database_of(settings: Settings) -> Database:
    """Not connected yet; without MONGODB_URI it cannot be."""
    uri = settings.mongodb_uri.get_secret_value() if settings.mongodb_uri else ""
    return Database(uri, settings.mongodb_dbname, DOCUMENTS, allow_standalone=settings.allow_standalone)


def create_app(settings: Settings, database: Database) -> flask.Flask:
    app = RollbookFlask("rollbook", static_folder=None)
    app.url_map.converters["anything"] = AnyText
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["rollbook.limits"] = settings.limits

    request_context.install(app)
    guards.install(app, open_house.authenticate)
    _register_api(app, settings, database)
    api = Api(app)
    rollbook.ops.resources.register(api, database)
    rollbook.openapi.resources.register(app, api, settings.limits)
    register_error_handlers(app)
    return app


def _register_api(app: flask.Flask, settings: Settings, database: Database) -> None:
    """The rooms under API_PREFIX; all of them need the database."""
    blueprint = flask.Blueprint("api", "rollbook", url_prefix=settings.api_prefix)
    blueprint.before_request(database.require_ready)
    api = Api(blueprint)
    rollbook.users.resources.register(api, _user_service(settings))
    app.register_blueprint(blueprint)


def _user_service(settings: Settings) -> UserService:
    policy = PasswordPolicy(settings.password_policy, settings.least_password_length, LONGEST_PASSWORD)
    return UserService(clock.now, PasswordHasher(settings.bcrypt_rounds), policy)
