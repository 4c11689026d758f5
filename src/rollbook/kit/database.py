"""The connection to MongoDB, and when it may be used."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import mongoengine
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.monitoring import (
    TopologyClosedEvent,
    TopologyDescriptionChangedEvent,
    TopologyListener,
    TopologyOpenedEvent,
)

from rollbook.kit import indexes
from rollbook.kit.documents import BaseDocument
from rollbook.kit.errors import Detail, NotReady, Unavailable

T = TypeVar("T")
logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
OPTIONS: dict[str, Any] = {
    "appname": "rollbook",
    "tz_aware": True,
    "uuidRepresentation": "standard",
    "w": "majority",
    "journal": True,
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "waitQueueTimeoutMS": 1000,
    "timeoutMS": 3000,
}
"""Acknowledged means on disk on most nodes; absent means an answer within 3 s, where the defaults hang for 30."""

STANDALONE = (
    "MongoDB is a standalone server; a change and its audit entry need a replica set to commit together. Make it one: "
    "(1) restart it as `mongod --replSet rs0 ...`, (2) run `mongosh --eval 'rs.initiate()'`. "
    "Or set ALLOW_STANDALONE=true to go without transactions."
)
NO_TRANSACTIONS = "ALLOW_STANDALONE=true and MongoDB is no replica set: changes are written WITHOUT transactions."


class Database:
    """This process's connection, and whether it is fit for use: a primary answers and all indexes are verified.

    Not fork-safe (PyMongo is not): make one in each worker.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        documents: Sequence[type[BaseDocument]],
        *,
        allow_standalone: bool = False,
        client_class: type[Any] = MongoClient,
    ) -> None:
        self._documents = documents
        self._allow_standalone = allow_standalone
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._doubted = threading.Event()
        self._why_not = Detail("mongodb", "unreachable", "MongoDB has not answered yet.")
        self._client: Any = None
        listeners = {"event_listeners": [_PrimaryWatch(self._lost)]} if client_class is MongoClient else {}
        self._arguments = {"db": name, "host": uri, "mongo_client_class": client_class} | OPTIONS | listeners

    def connect(self) -> None:
        """Does not wait for MongoDB."""
        mongoengine.disconnect()
        self._client = mongoengine.connect(**self._arguments)

    def keep_prepared(self, *, patience: float = 0) -> None:
        """Prepare in the background, again after every loss of the primary, until closed.

        `patience`: seconds to wait for the first time, so that a worker whose MongoDB is there starts out ready.
        """
        threading.Thread(target=self._keep_prepared, name="rollbook-database", daemon=True).start()
        self._ready.wait(patience)

    def prepare(self) -> None:
        """Check the server, build and verify every index. Raises: NotReady, with the reason."""
        self._doubted.clear()
        try:
            self.require_primary()
            for document in self._documents:
                indexes.build(document)
        except NotReady as error:
            self._not_ready(error.details[0])
            raise
        except PyMongoError as error:
            self._not_ready(_reason(error))
            raise NotReady(details=[self._why_not]) from None
        self._ready.set()
        logger.info("database ready: primary reached, indexes verified")

    def require_primary(self) -> None:
        """Ask the server itself. Raises: NotReady, PyMongoError."""
        hello = self._client.admin.command("hello")
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
        except PyMongoError as error:
            raise NotReady(details=[_reason(error)]) from None

    def close(self) -> None:
        self._closed.set()
        mongoengine.disconnect()

    def _keep_prepared(self) -> None:
        while not self._closed.is_set():
            if self._doubted.is_set() or not self._ready.is_set():
                try:
                    self.prepare()
                except NotReady:
                    pass  # Said in the log, and to whoever asks /ready.
                except Exception:
                    logger.exception("preparing the database failed")
            self._closed.wait(RETRY_SECONDS)

    def _lost(self) -> None:
        """What comes back may be another or an emptied server: verify again.

        PyMongo tells up to a second late, so the primary may be there again, or for the first time, when we hear of it.
        """
        self._doubted.set()
        if self._client is not None and not self._client.topology_description.has_writable_server():
            self._not_ready(Detail("mongodb", "unreachable", "The connection to MongoDB's primary was lost."))

    def _not_ready(self, reason: Detail) -> None:
        if self._ready.is_set() or reason != self._why_not:
            logger.warning("not ready: %s", reason.message)
        self._why_not = reason
        self._ready.clear()


class _PrimaryWatch(TopologyListener):
    """Calls `lost` whenever no primary is known any more."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._call = lost

    def opened(self, event: TopologyOpenedEvent) -> None: ...

    def closed(self, event: TopologyClosedEvent) -> None: ...

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        if not event.new_description.has_writable_server():
            self._call()


def _reason(error: PyMongoError) -> Detail:
    """In words of ours: a driver's message may hold addresses, credentials or values."""
    if isinstance(error, OperationFailure) and error.code in (13, 18):
        return Detail("mongodb", "refused", "MongoDB refuses the credentials in MONGODB_URI.")
    if isinstance(error, OperationFailure) and error.code == 11000:
        return Detail("mongodb", "duplicates", "A unique index cannot be built: stored users share an e-mail.")
    if isinstance(error, OperationFailure):
        name = (error.details or {}).get("codeName", "an error")
        return Detail("mongodb", "refused", f"MongoDB answers {name} when indexes are built.")
    return Detail("mongodb", "unreachable", "MongoDB does not answer at the address in MONGODB_URI.")
