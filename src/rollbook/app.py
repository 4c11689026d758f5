"""The rooms on the web: which paths lead to them, and what stands before every one of them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import flask

import rollbook.audit.refusals
import rollbook.audit.resources
import rollbook.auth.resources
import rollbook.idempotency.callers
import rollbook.limits.everyday
import rollbook.openapi.resources
import rollbook.ops.resources
import rollbook.roles.resources
import rollbook.signing.resources
import rollbook.users.password_policy_resource
import rollbook.users.resources
from rollbook.access import browsers, guards
from rollbook.auth.authenticator import Authenticator
from rollbook.kit import clock
from rollbook.kit.database import Database
from rollbook.kit.http import LIMITS, REQUIRE_IF_MATCH, AnyText, Api, register_error_handlers
from rollbook.kit.rendering import CURSORS
from rollbook.kit.transactions import within
from rollbook.ops import request_context
from rollbook.services import Services
from rollbook.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API = "api"
"""The blueprint of all that lives under API_PREFIX."""
DATABASE_SECONDS = 4.5
"""Whatever MongoDB does, a request is answered within 5 seconds."""


class RollbookFlask(flask.Flask):
    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """A trailing slash is the same path, for every route at once, and without a redirect that loses a body."""
        environ["PATH_INFO"] = environ.get("PATH_INFO", "").rstrip("/") or "/"
        with within(DATABASE_SECONDS):
            return super().wsgi_app(environ, start_response)

    def make_default_options_response(self) -> flask.Response:
        """An answer without a body is a 204."""
        response = super().make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response


def create_app(settings: Settings, services: Services, database: Database) -> flask.Flask:
    app = RollbookFlask("rollbook", static_folder=None)
    app.url_map.converters["anything"] = AnyText
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions[LIMITS] = settings.limits
    app.extensions[REQUIRE_IF_MATCH] = settings.require_if_match
    app.extensions[CURSORS] = services.cursors
    rollbook.limits.everyday.trust(app, settings.trusted_proxies)

    request_context.install(app, log_address=settings.log_client_address)
    if not settings.auth_required:
        browsers.install(app, API, settings.served_hosts)
    guards.install(app, Authenticator(clock.now, services.auth.tokens, settings.auth_required))
    app.before_request(lambda: database.require_ready() if flask.request.blueprint == API else None)
    rollbook.idempotency.callers.install(app, services.repeats)
    _limit(app, settings)
    _register_api(app, settings, services)
    api = Api(app)
    rollbook.ops.resources.register(api, database, auth_required=settings.auth_required)
    rollbook.signing.resources.register(api, services.keys, database.require_ready)
    rollbook.openapi.resources.register(app, api, settings.limits)
    register_error_handlers(app)
    rollbook.audit.refusals.install(app, clock.now)
    return app


def _register_api(app: flask.Flask, settings: Settings, services: Services) -> None:
    blueprint = flask.Blueprint(API, "rollbook", url_prefix=settings.api_prefix)
    api = Api(blueprint)
    rollbook.auth.resources.register(api, services.auth)
    rollbook.users.resources.register(api, services.users, services.deletion)
    rollbook.users.password_policy_resource.register(api, services.users.password_policy)
    rollbook.roles.resources.register(api, services.roles)
    rollbook.audit.resources.register(api)
    app.register_blueprint(blueprint)


def _limit(app: flask.Flask, settings: Settings) -> None:
    if not settings.ratelimit_enabled:
        return
    rollbook.limits.everyday.install(
        app,
        API,
        default=settings.ratelimit_default,
        read=settings.ratelimit_read,
        write=settings.ratelimit_write,
        storage_uri=settings.redis_url.get_secret_value() if settings.redis_url else rollbook.limits.everyday.MEMORY,
    )
