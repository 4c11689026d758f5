"""The connection to MongoDB, and whether it is ready for requests."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, Protocol

import mongoengine
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from rollbook.kit import clock, metrics
from rollbook.kit.errors import Detail, NotReady, Unavailable
from rollbook.storage.clock_skew import ClockSkew
from rollbook.storage.connections import connect
from rollbook.storage.driver_errors import DatabaseError
from rollbook.storage.driver_metrics import CommandMetrics, ConnectionMetrics
from rollbook.storage.primary_watch import PrimaryWatch
from rollbook.storage.problems import NO_TRANSACTIONS, STANDALONE, UNREACHABLE, describe_error

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
VERIFY_SECONDS = 5
RECONNECT_SECONDS = 10
CLIENT_OPTIONS: dict[str, Any] = {
    "tz_aware": True,
    "tzinfo": UTC,
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
"""Options that override the URI. An acknowledged write is on disk on a majority of the nodes.

While MongoDB is unavailable, a call fails after 3 s instead of PyMongo's default of 30 s.
"""

DATABASE_ERRORS = (Unavailable, DatabaseError, PyMongoError)


class Schema(Protocol):
    """What has to be stored before requests are served, and in which form."""

    def find_problem(self) -> Detail | None:
        """Describe the problem. None when everything is as it has to be."""

    def ensure(self) -> None:
        """Solve the problem. Raises: NotReady."""


class Database:
    """The connection of this process. It is ready when a primary answers and the schema is right.

    `preparations` run after the schema is verified, and again after every reconnect: they store
    what has to exist before requests are served. PyMongo is not fork-safe, so every worker needs
    a Database of its own.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        schema: Schema,
        *,
        allow_standalone: bool = False,
        max_connections: int = 100,
        app_name: str = "rollbook",
        client_class: type[Any] = MongoClient,
        preparations: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._uri = uri
        self._name = name
        self._schema = schema
        self._preparations = preparations
        self._allow_standalone = allow_standalone
        self._max_connections = max_connections
        self._app_name = app_name
        self._client_class = client_class
        self._client: Any = None
        self.clock_skew = ClockSkew()
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._recheck = threading.Event()
        self._connected_at = self._lost_at = self._answered_at = self._verified_at = 0.0
        first = Detail("mongodb", "unreachable", "MongoDB has not answered yet.")
        self._reason = first
        self._logged_reason: Detail | None = first

    def connect(self) -> None:
        """Connect without waiting for MongoDB. Raises: NotReady, when the URI has no SRV record."""
        self._connected_at = time.monotonic()
        try:
            self._client = connect(self._name, self._create_client, replaces=self._client)
        except mongoengine.ConnectionFailure:
            raise NotReady(details=[UNREACHABLE]) from None

    def connect_to_primary(self) -> None:
        """Connect to a database in any state. Raises: NotReady, with the reason."""
        try:
            self.connect()
            self.require_primary()
        except PyMongoError as error:
            raise NotReady(details=[describe_error(error, self._client)]) from None

    def start_preparing(self, *, wait_seconds: float = 0) -> None:
        """Prepare in the background, and again after every loss of the primary, until closed.

        Waits up to `wait_seconds` for the first time, so that a worker usually starts ready.
        """
        threading.Thread(target=self._keep_prepared, name="rollbook-database", daemon=True).start()
        self._ready.wait(wait_seconds)

    def prepare(self) -> None:
        """Check the server and the schema, and fix the schema if allowed.

        Raises: NotReady, with the reason.
        """
        self._recheck.clear()
        try:
            if self._client is None or self._is_stuck():
                self.connect()
            self.require_primary()
            self._ensure_schema()
            for prepare in self._preparations:
                prepare()
        except DATABASE_ERRORS as error:
            reason = describe_error(error, self._client)
            self._mark_not_ready(reason)
            raise NotReady(details=[reason]) from None
        self._verified_at = time.monotonic()
        metrics.database_ready().set(1)
        if not self._ready.is_set():
            self._ready.set()
            self._logged_reason = None
            logger.info("database ready: the primary answers, the schema is verified")

    def require_primary(self) -> None:
        """Ask MongoDB whether it is a primary. Raises: NotReady, PyMongoError."""
        before = clock.now()
        hello = self._client.admin.command("hello")
        self.clock_skew.add_sample(before, hello["localTime"].replace(tzinfo=UTC), clock.now())
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            if not self._allow_standalone:
                raise NotReady(details=[Detail("mongodb", "standalone", STANDALONE)])
            if not self._ready.is_set():
                logger.warning(NO_TRANSACTIONS)
        if not hello.get("isWritablePrimary"):
            message = "The replica set has no primary now."
            raise NotReady(details=[Detail("mongodb", "no_primary", message)])
        self._answered_at = time.monotonic()

    def require_ready(self) -> None:
        """Require a verified schema, without asking MongoDB. Raises: Unavailable."""
        if not self._ready.is_set():
            raise Unavailable()

    def check_ready(self) -> None:
        """Ask MongoDB now. Raises: NotReady, with the reason."""
        if not self._ready.is_set():
            raise NotReady(details=[self._reason])
        try:
            self.require_primary()
            if problem := self._schema.find_problem():
                raise NotReady(details=[problem])
        except DATABASE_ERRORS as error:
            self._recheck.set()
            raise NotReady(details=[describe_error(error, self._client)]) from None

    def close(self) -> None:
        self._closed.set()
        mongoengine.disconnect()

    def _create_client(self, **_: Any) -> Any:
        """Create the client.

        Only PyMongo reads the URI: MongoEngine would use the database for the sign-in.
        """
        if self._client_class is not MongoClient:
            return self._client_class()
        watch = PrimaryWatch(self._on_primary_lost)
        listeners = [watch, CommandMetrics(), ConnectionMetrics()]
        return MongoClient(
            self._uri,
            event_listeners=listeners,
            maxPoolSize=self._max_connections,
            appname=self._app_name,
            **CLIENT_OPTIONS,
        )

    def _keep_prepared(self) -> None:
        """Verify the schema regularly: someone may drop a collection, and its indexes with it."""
        while not self._closed.is_set():
            due = time.monotonic() - self._verified_at > VERIFY_SECONDS
            if due or self._recheck.is_set() or not self._ready.is_set():
                try:
                    self.prepare()
                except NotReady:
                    pass  # It is in the log, and /ready reports it.
                except Exception:
                    logger.exception("preparing the database failed")
            self._closed.wait(RETRY_SECONDS)

    def _ensure_schema(self) -> None:
        if problem := self._schema.find_problem():
            self._ready.clear()
            self._reason = problem
            self._schema.ensure()

    def _is_stuck(self) -> bool:
        """Return whether only a new client can connect.

        PyMongo does not accept a replica set that was wiped and counts its elections from 1 again.
        A new client does.
        """
        waited = time.monotonic() - max(self._connected_at, self._lost_at, self._answered_at)
        return not self._ready.is_set() and waited > RECONNECT_SECONDS

    def _on_primary_lost(self) -> None:
        """Verify the schema again, since the server that comes back may be another one, or empty.

        PyMongo reports the loss up to a second late, so a primary may be there again.
        """
        self._recheck.set()
        if self._closed.is_set():
            return
        if self._ready.is_set() and not self._client.topology_description.has_writable_server():
            message = "The connection to MongoDB's primary was lost."
            self._mark_not_ready(Detail("mongodb", "unreachable", message))

    def _mark_not_ready(self, reason: Detail) -> None:
        if self._ready.is_set():
            self._lost_at = time.monotonic()
        if self._ready.is_set() or reason != self._logged_reason:
            logger.warning("not ready: %s", reason.message)
        self._logged_reason = self._reason = reason
        self._ready.clear()
        metrics.database_ready().set(0)
