"""Is it there, is it alive, may it be sent requests?"""

from flask_restful import Resource

from rollbook import __version__
from rollbook.access.guards import public
from rollbook.kit.database import Database
from rollbook.kit.declarations import Reply
from rollbook.kit.errors import NotReady
from rollbook.kit.http import Api, endpoint
from rollbook.ops.schemas import DetailOut, HealthOut, Pong, ReadyOut


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
        """Tell that the process is alive.

        Nothing else is asked: a failing database must not get a healthy process killed.
        """
        return Reply(HealthOut(status="alive", version=__version__, auth_required=self.auth_required))


class Ready(Resource):
    def __init__(self, database: Database) -> None:
        self.database = database

    @public
    @endpoint("ready", "Ready to serve.", returns=ReadyOut, errors=(NotReady,))
    def get(self) -> Reply:
        """Tell whether requests can be served now.

        Ready: MongoDB's primary answers, and the indexes are verified. Otherwise 503, and `details` says why. Where
        this machine's clock differs from MongoDB's by more than 5 seconds, `details` of the 200 says so.
        """
        self.database.check()
        skew = self.database.clock_skew.detail
        details = [DetailOut.model_validate(skew)] if skew else []
        return Reply(ReadyOut(status="ready", details=details))


def register(api: Api, database: Database, *, auth_required: bool) -> None:
    api.add_resource(Ping, "/ping")
    api.add_resource(Health, "/health", resource_class_kwargs={"auth_required": auth_required})
    api.add_resource(Ready, "/ready", resource_class_kwargs={"database": database})
