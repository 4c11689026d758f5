"""Ping, health, readiness and metrics over HTTP."""

import hmac

from flask import Response, request
from flask_restful import Resource
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from rollbook import __version__
from rollbook.access.guards import public
from rollbook.kit import metrics
from rollbook.kit.errors import Detail, Forbidden, NotReady, Unauthenticated
from rollbook.ops.schemas import DetailOut, HealthOut, Pong, ReadyOut
from rollbook.storage.database import Database
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint
from rollbook.web.requests import STOPPING

LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
FORWARDING_HEADERS = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
NEEDS_TOKEN = (
    "Without METRICS_TOKEN, /metrics is for development on this machine only. Set METRICS_TOKEN, "
    "and send it as a bearer token."
)
SEND_TOKEN = "Send `Authorization: Bearer <METRICS_TOKEN>`."


class Ping(Resource):
    @public
    @endpoint("ping", "The service answers.", returns=Pong)
    def get(self) -> Reply:
        """Answer pong."""
        return Reply("pong")


class Health(Resource):
    def __init__(self, auth_required: bool) -> None:
        self.auth_required = auth_required

    @public
    @endpoint("health", "The process is alive.", returns=HealthOut)
    def get(self) -> Reply:
        """Report that the process is alive.

        Nothing else is checked: a healthy process must not be killed because its database is
        away.
        """
        required = self.auth_required
        return Reply(HealthOut(status="alive", version=__version__, auth_required=required))


class Ready(Resource):
    def __init__(self, database: Database) -> None:
        self.database = database

    @public
    @endpoint("ready", "Ready to serve.", returns=ReadyOut, errors=(NotReady,))
    def get(self) -> Reply:
        """Report whether requests can be served now.

        Ready means that MongoDB's primary answers, that the indexes are verified, and that the
        server is not stopping. Otherwise the status is 503, and `details` says why. If the clocks
        of this machine and MongoDB differ by more than 5 seconds, `details` of the 200 says so.
        """
        if request.environ.get(STOPPING):
            raise NotReady(details=[Detail("server", "stopping", "The server is stopping.")])
        self.database.check_ready()
        skew = self.database.clock_skew.detail
        details = [DetailOut.model_validate(skew)] if skew else []
        return Reply(ReadyOut(status="ready", details=details))


class Metrics(Resource):
    """`token`: who sends it may read the metrics.

    If it is empty, a process on this machine may, unless a proxy `may_forward` what others send.
    """

    def __init__(self, token: str, may_forward: bool) -> None:
        self.token = token.encode()
        self.may_forward = may_forward

    @public
    def get(self) -> Response:
        """Return the metrics of all workers, for Prometheus."""
        self._require_reader()
        return Response(metrics.render(), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _require_reader(self) -> None:
        """Raise Unauthenticated or Forbidden, unless the caller may read the metrics.

        What a proxy on this machine forwards comes from elsewhere.
        """
        if self.token:
            scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(sent.encode(), self.token):
                raise Unauthenticated(SEND_TOKEN)
        elif (
            self.may_forward
            or request.remote_addr not in LOOPBACK_ADDRESSES
            or any(header in request.headers for header in FORWARDING_HEADERS)
        ):
            raise Forbidden(NEEDS_TOKEN)


def register(
    api: Api, database: Database, *, auth_required: bool, metrics_token: str, may_forward: bool
) -> None:
    api.add_resource(Ping, "/ping")
    api.add_resource(Health, "/health", resource_class_kwargs={"auth_required": auth_required})
    api.add_resource(Ready, "/ready", resource_class_kwargs={"database": database})
    kwargs = {"token": metrics_token, "may_forward": may_forward}
    api.add_resource(Metrics, "/metrics", resource_class_kwargs=kwargs)
