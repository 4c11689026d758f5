"""Ping, health and readiness over HTTP."""

from flask_restful import Resource

from rollbook import __version__
from rollbook.access.guards import public
from rollbook.kit.errors import NotReady
from rollbook.ops.schemas import DetailOut, HealthOut, Pong, ReadyOut
from rollbook.storage.database import Database
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint


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

        Ready means that MongoDB's primary answers, and that the indexes are verified. Otherwise
        the status is 503, and `details` says why. If the clocks of this machine and MongoDB
        differ by more than 5 seconds, `details` of the 200 says so.
        """
        self.database.check_ready()
        skew = self.database.clock_skew.detail
        details = [DetailOut.model_validate(skew)] if skew else []
        return Reply(ReadyOut(status="ready", details=details))


def register(api: Api, database: Database, *, auth_required: bool) -> None:
    api.add_resource(Ping, "/ping")
    api.add_resource(Health, "/health", resource_class_kwargs={"auth_required": auth_required})
    api.add_resource(Ready, "/ready", resource_class_kwargs={"database": database})
