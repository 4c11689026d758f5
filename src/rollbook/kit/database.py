"""The connection to MongoDB, and when it may be used."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, Protocol

import mongoengine
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from rollbook.kit import clock
from rollbook.kit.clock_skew import ClockSkew
from rollbook.kit.errors import Detail, NotReady, Unavailable
from rollbook.kit.primary_watch import PrimaryWatch
from rollbook.kit.transactions import DatabaseFault

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
VERIFY_SECONDS = 5
RECONNECT_SECONDS = 10
REFUSALS = (13, 18)
"""MongoDB's codes Unauthorized and AuthenticationFailed."""
OPTIONS: dict[str, Any] = {
    "appname": "rollbook",
    "tz_aware": True,
    "uuidRepresentation": "standard",
    "w": "majority",
    "journal": True,
    "readPreference": "primary",
    "readConcernLevel": "majority",
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "waitQueueTimeoutMS": 1000,
    "timeoutMS": 3000,
}
"""Over what the URI says. Acknowledged means on disk on most nodes; away means an answer in 3 s, not the usual 30."""

STANDALONE = (
    "MongoDB is a standalone server; a change and its audit entry need a replica set to commit together. Make it one: "
    "(1) restart it as `mongod --replSet rs0 ...`, (2) run `mongosh --eval 'rs.initiate()'`. "
    "Or set ALLOW_STANDALONE=true to go without transactions."
)
UNREACHABLE = Detail("mongodb", "unreachable", "MongoDB does not answer; is it running, and is MONGODB_URI right?")
FAULTS = (Unavailable, DatabaseFault, PyMongoError)
NO_TRANSACTIONS = "ALLOW_STANDALONE=true and MongoDB is no replica set: changes are written WITHOUT transactions."


class Schema(Protocol):
    """What has to be stored, and how, before it may be used."""

    def find_fault(self) -> Detail | None:
        """None when all is as it has to be."""

    def ensure(self) -> None:
        """Make it so. Raises: NotReady."""


class Database:
    """This process's connection, and whether it is fit for use: a primary answers, and the schema is as it has to be.

    `preparations` run after that, and like that again and again: what has to be there before anything is served.
    Not fork-safe (PyMongo is not): make one in each worker.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        schema: Schema,
        *,
        allow_standalone: bool = False,
        client_class: type[Any] = MongoClient,
        preparations: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._uri = uri
        self._name = name
        self._schema = schema
        self._preparations = preparations
        self._allow_standalone = allow_standalone
        self._client_class = client_class
        self._client: Any = None
        self.clock_skew = ClockSkew()
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._doubted = threading.Event()
        self._connected_at = self._verified_at = 0.0
        self._said = self._why_not = Detail("mongodb", "unreachable", "MongoDB has not answered yet.")

    def connect(self) -> None:
        """Does not wait for MongoDB. Raises: NotReady, when there is nothing to connect to, such as no SRV record."""
        self._connected_at = time.monotonic()
        mongoengine.disconnect()
        try:
            self._client = mongoengine.connect(db=self._name, mongo_client_class=self._open)
        except mongoengine.ConnectionFailure:
            raise NotReady(details=[UNREACHABLE]) from None

    def _open(self, **_: Any) -> Any:
        """Only PyMongo reads the URI: MongoEngine would take the database to log in to for the one to use."""
        if self._client_class is not MongoClient:
            return self._client_class()
        return MongoClient(self._uri, event_listeners=[PrimaryWatch(self._lost)], **OPTIONS)

    def keep_prepared(self, *, patience: float = 0) -> None:
        """Connect and prepare in the background, again after every loss of the primary, until closed.

        `patience`: seconds to wait for the first time, so that a worker whose MongoDB is there starts out ready.
        """
        threading.Thread(target=self._keep_prepared, name="rollbook-database", daemon=True).start()
        self._ready.wait(patience)

    def prepare(self) -> None:
        """Check the server and the schema; mend what may be mended. Raises: NotReady, with the reason."""
        self._doubted.clear()
        try:
            if self._client is None or self._is_stuck():
                self.connect()
            self.require_primary()
            self._bring_up()
            for prepare in self._preparations:
                prepare()
        except FAULTS as error:
            reason = self._told(error)
            self._not_ready(reason)
            raise NotReady(details=[reason]) from None
        self._verified_at = time.monotonic()
        if not self._ready.is_set():
            self._ready.set()
            logger.info("database ready: primary reached, schema verified")

    def reach(self) -> None:
        """Connect to the primary, whatever it holds. Raises: NotReady, with the reason."""
        try:
            self.connect()
            self.require_primary()
        except PyMongoError as error:
            raise NotReady(details=[self._reason(error)]) from None

    def require_primary(self) -> None:
        """Ask the server itself. Raises: NotReady, PyMongoError."""
        asked = clock.now()
        hello = self._client.admin.command("hello")
        self.clock_skew.note(asked, hello["localTime"].replace(tzinfo=UTC), clock.now())
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            if not self._allow_standalone:
                raise NotReady(details=[Detail("mongodb", "standalone", STANDALONE)])
            if not self._ready.is_set():
                logger.warning(NO_TRANSACTIONS)
        if not hello.get("isWritablePrimary"):
            raise NotReady(details=[Detail("mongodb", "no_primary", "The replica set has no primary now.")])

    def require_ready(self) -> None:
        """Raises: Unavailable at once, without asking MongoDB, while the indexes are not verified."""
        if not self._ready.is_set():
            raise Unavailable()

    def check(self) -> None:
        """What readiness means, asked of MongoDB now. Raises: NotReady, with the reason."""
        if not self._ready.is_set():
            raise NotReady(details=[self._why_not])
        try:
            self.require_primary()
            if fault := self._schema.find_fault():
                raise NotReady(details=[fault])
        except FAULTS as error:
            self._doubted.set()
            raise NotReady(details=[self._told(error)]) from None

    def close(self) -> None:
        self._closed.set()
        mongoengine.disconnect()

    def _keep_prepared(self) -> None:
        """Also while all is well: someone may drop a collection, and its indexes with it, under a running API."""
        while not self._closed.is_set():
            due = time.monotonic() - self._verified_at > VERIFY_SECONDS
            if due or self._doubted.is_set() or not self._ready.is_set():
                try:
                    self.prepare()
                except NotReady:
                    pass  # Said in the log, and to whoever asks /ready.
                except Exception:
                    logger.exception("preparing the database failed")
            self._closed.wait(RETRY_SECONDS)

    def _bring_up(self) -> None:
        if fault := self._schema.find_fault():
            self._ready.clear()
            self._why_not = fault
            self._schema.ensure()

    def _is_stuck(self) -> bool:
        """A client does not take a replica set back that was wiped and counts its elections anew; a new client does."""
        return not self._ready.is_set() and time.monotonic() - self._connected_at > RECONNECT_SECONDS

    def _lost(self) -> None:
        """What comes back may be another or an emptied server: verify again.

        PyMongo tells up to a second late, so the primary may be there again, or for the first time, when we hear of it.
        """
        self._doubted.set()
        if self._closed.is_set():
            return
        if self._ready.is_set() and not self._client.topology_description.has_writable_server():
            self._not_ready(Detail("mongodb", "unreachable", "The connection to MongoDB's primary was lost."))

    def _told(self, error: Exception) -> Detail:
        if isinstance(error, NotReady):
            return error.details[0]
        if isinstance(error, DatabaseFault):
            return Detail("mongodb", "refused", f"MongoDB refused: {error}.")
        return self._reason(error) if isinstance(error, PyMongoError) else UNREACHABLE

    def _reason(self, error: PyMongoError) -> Detail:
        """In words of ours: a driver's message may hold addresses, credentials or values."""
        servers = self._client.topology_description.server_descriptions().values() if self._client is not None else ()
        if any(_is_refusal(each) for each in [error, *(server.error for server in servers)]):
            return Detail("mongodb", "refused", "MongoDB refuses the credentials in MONGODB_URI.")
        if isinstance(error, OperationFailure):
            name = (error.details or {}).get("codeName", "an error")
            return Detail("mongodb", "refused", f"MongoDB answers {name} when the schema is looked at.")
        return UNREACHABLE

    def _not_ready(self, reason: Detail) -> None:
        if self._ready.is_set() or reason != self._said:
            logger.warning("not ready: %s", reason.message)
        self._said = self._why_not = reason
        self._ready.clear()


def _is_refusal(error: Exception | None) -> bool:
    return isinstance(error, OperationFailure) and error.code in REFUSALS
