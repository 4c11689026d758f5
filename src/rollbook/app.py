"""The Flask application: what happens around every request, and which resources there are."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import flask

import rollbook.access.hooks
import rollbook.account.page_resources
import rollbook.audit.hooks
import rollbook.auth.introspection
import rollbook.compression.hooks
import rollbook.cors.hooks
import rollbook.idempotency.hooks
import rollbook.limits.hooks
import rollbook.openapi.resources
import rollbook.ops.hooks
import rollbook.ops.resources
import rollbook.signing.resources
import rollbook.web.hooks
from rollbook.access.trusted_clients import TrustedClients
from rollbook.auth.authenticator import Authenticator
from rollbook.auth.introspection import Issuer
from rollbook.cors.origins import AllowedOrigins
from rollbook.features import FEATURES
from rollbook.kit import clock
from rollbook.kit.turns import get_wait
from rollbook.metadata.filters import build_parameters
from rollbook.openapi.headers import RESPONSE_HEADERS
from rollbook.service_parts import reveal
from rollbook.services import Services
from rollbook.settings import Settings
from rollbook.storage.database import Database
from rollbook.storage.driver_errors import limit_database_time
from rollbook.web.converters import ReferenceConverter
from rollbook.web.endpoints import Api

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

API = "api"
"""The blueprint of everything under API_PREFIX."""
DATABASE_SECONDS = 4.2
"""A request is answered within 5 seconds, even when MongoDB does not respond."""
MIN_DATABASE_SECONDS = 1.0
"""Also for a request that has waited for a thread."""


class RollbookFlask(flask.Flask):
    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Ignore a trailing slash, without a redirect, which would lose the body."""
        environ["PATH_INFO"] = environ.get("PATH_INFO", "").rstrip("/") or "/"
        seconds = max(MIN_DATABASE_SECONDS, DATABASE_SECONDS - get_wait())
        with limit_database_time(seconds):
            return super().wsgi_app(environ, start_response)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func`, since none of ours is asynchronous: Flask would look at each again."""
        return func

    def make_default_options_response(self) -> flask.Response:
        """Set status 204, since the response has no body."""
        response = super().make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response


def create_app(
    settings: Settings,
    services: Services,
    database: Database,
    *,
    instrument: Callable[[flask.Flask], None] = lambda _: None,
) -> flask.Flask:
    """Create the application. `instrument` adds a hook that runs before all others."""
    app = RollbookFlask("rollbook", static_folder=None)
    instrument(app)
    app.url_map.converters["ref"] = ReferenceConverter
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    _install_hooks(app, settings, services, database)
    _register_resources(app, settings, services, database)
    return app


def _install_hooks(
    app: flask.Flask, settings: Settings, services: Services, database: Database
) -> None:
    """Install the hooks in the order in which they see a request."""
    rollbook.limits.hooks.trust_proxies(app, settings.trusted_proxies)
    rollbook.ops.hooks.install(
        app, log_client_address=settings.log_client_address, hsts=settings.hsts
    )
    rollbook.compression.hooks.install(app, same_for_all=rollbook.openapi.resources.ENDPOINTS)
    origins = AllowedOrigins.parse(settings.cors_origins)
    rollbook.cors.hooks.install(app, origins=origins, exposed_headers=RESPONSE_HEADERS)
    rollbook.access.hooks.install(
        app,
        authenticate=Authenticator(
            clock.now, services.auth.tokens, services.callers, settings.auth_required
        ),
        is_open=not settings.auth_required,
        allowed_hosts=settings.allowed_host_names,
        origins=origins,
        trusted_clients=TrustedClients.parse(reveal(settings.trusted_clients)),
    )
    app.before_request(lambda: database.require_ready() if flask.request.blueprint == API else None)
    rollbook.idempotency.hooks.install(app, service=services.idempotency)
    if settings.ratelimit_enabled:
        _install_limits(app, settings)
    app.before_request(_refuse_unknown_client)
    rollbook.web.hooks.install(
        app,
        length_limits=settings.length_limits,
        require_if_match=settings.require_if_match,
        cursors=services.cursors,
        extra_parameters=build_parameters(services.metadata_schemas),
    )
    rollbook.audit.hooks.install(app, clock=clock.now)


def _refuse_unknown_client() -> None:
    if flask.request.endpoint not in rollbook.limits.hooks.UNLIMITED:
        rollbook.access.hooks.refuse_unknown_client()


def _install_limits(app: flask.Flask, settings: Settings) -> None:
    redis_url = settings.redis_url
    rollbook.limits.hooks.install(
        app,
        blueprint=API,
        default=settings.ratelimit_default,
        read=settings.ratelimit_read,
        write=settings.ratelimit_write,
        storage_uri=redis_url.get_secret_value() if redis_url else rollbook.limits.hooks.MEMORY,
    )


def _register_resources(
    app: flask.Flask, settings: Settings, services: Services, database: Database
) -> None:
    blueprint = flask.Blueprint(API, "rollbook", url_prefix=settings.api_prefix)
    prefixed = Api(blueprint)
    for feature in FEATURES:
        feature.register(prefixed, services)
    app.register_blueprint(blueprint)
    root = Api(app)
    rollbook.ops.resources.register(
        root,
        database,
        auth_required=settings.auth_required,
        metrics_token=reveal(settings.metrics_token),
        may_forward=settings.environment == "production" or settings.trusted_proxies > 0,
    )
    rollbook.signing.resources.register(root, services.keys, database.require_ready)
    rollbook.auth.introspection.register(
        root,
        Issuer(settings.jwt_issuer, services.keys.algorithm, not settings.uses_shared_secret),
        Authenticator(
            clock.now,
            services.auth.tokens,
            services.callers,
            required=True,
        ),
        database.require_ready,
    )
    rollbook.account.page_resources.register(
        app,
        services,
        services.mail.languages,
        settings.app_name,
        settings.app_url,
    )
    rollbook.openapi.resources.register(
        app,
        root,
        length_limits=settings.length_limits,
        app_name=settings.app_name,
        prefix=settings.api_prefix,
    )
