"""The transaction that a use case runs in."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pymongo
from mongoengine.connection import get_connection
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import ConnectionFailure, DuplicateKeyError, InvalidOperation, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from rollbook.kit.errors import Unavailable

T = TypeVar("T")

TRANSACTION_SECONDS = 4
LEAST_SECONDS = 0.05
"""What a call has when the time is over: `timeout(0)` would be none."""
ATTEMPTS_WITHOUT_TRANSACTION = 20
NO_TRANSACTIONS_HERE = 20
AWAY = (ConnectionFailure, InvalidOperation)
"""InvalidOperation: the client was closed under this request, since a new one took its place."""
CONCERNS: dict[str, Any] = {
    "read_concern": ReadConcern("snapshot"),
    "write_concern": WriteConcern("majority", j=True),
    "read_preference": ReadPreference.PRIMARY,
}
"""Named, since a URI may ask for others, with which MongoDB refuses a transaction."""

_session: ContextVar[ClientSession | None] = ContextVar("rollbook_session", default=None)
_last: ContextVar[list[Callable[[Any], None]] | None] = ContextVar("rollbook_last", default=None)
_retries: ContextVar[list[Callable[[], None]] | None] = ContextVar("rollbook_retries", default=None)


@dataclass
class Budget:
    """Seconds that MongoDB may still take."""

    seconds: float


_budget: ContextVar[Budget | None] = ContextVar("rollbook_budget", default=None)


class Actor(Protocol):
    """Whoever a transaction is done for."""

    def confirm(self) -> None:
        """Called first in every attempt. Raises: AppError, when they may not act any more; nothing is committed."""


class Superseded(Exception):
    """Another write was faster; `in_transaction` starts again."""


class TryAgain(PyMongoError):
    """Raised inside a transaction: it is aborted, and starts again after a pause."""

    def has_error_label(self, label: str) -> bool:
        return label == "TransientTransactionError"


class DatabaseFault(Exception):
    """What MongoDB refused, by name and code only: the driver's message may hold what was to be stored."""


@contextmanager
def reaching() -> Iterator[None]:
    """Around what talks to MongoDB. Inside a transaction the driver's errors pass, for it to tell which ones to retry.

    Raises: DuplicateKeyError; Unavailable for time-outs and lost connections; DatabaseFault for all else.
    """
    if current_session() is not None:
        yield
        return
    try:
        with _spending():
            yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        if isinstance(error, AWAY) or error.timeout or _is_standalone_again(error):
            raise Unavailable() from None
        details = error.details or {} if isinstance(error, OperationFailure) else {}
        raise DatabaseFault(f"{type(error).__name__} {details.get('codeName', '')}") from None


@contextmanager
def _spending() -> Iterator[None]:
    budget = _budget.get()
    if budget is None:
        yield
        return
    started = time.monotonic()
    try:
        with pymongo.timeout(max(budget.seconds, LEAST_SECONDS)):
            yield
    finally:
        budget.seconds -= time.monotonic() - started


def _is_standalone_again(error: PyMongoError) -> bool:
    """While a standalone server restarts it is not known to be one, and a transaction is tried."""
    return isinstance(error, OperationFailure) and error.code == NO_TRANSACTIONS_HERE


def in_transaction(work: Callable[[], T], *, actor: Actor, seconds: float = TRANSACTION_SECONDS) -> T:
    """Commit everything that `work` writes together, or nothing.

    The rights of `actor` are confirmed inside it, in a way that conflicts with whatever takes them away: a request that
    began before a revocation commits before it, or not at all.

    `work` runs again when another write got in its way (TransientTransactionError), so it must start from what it reads
    itself and do nothing but read and write. Where MongoDB has no transactions (ALLOW_STANDALONE, mongomock), it runs
    bare, and again when it is Superseded.

    Raises: Unavailable, when MongoDB is away or the work does not get through within `seconds`; as `actor.confirm`.
    """
    client, whole = get_connection(), _with_last(work)

    def confirmed() -> T:
        actor.confirm()
        return whole()

    if not _has_transactions(client):
        return _without_transaction(confirmed)
    with reaching(), pymongo.timeout(seconds), client.start_session() as session:
        waiting: list[Callable[[], None]] = []
        token = _retries.set(waiting)
        try:
            done: T = session.with_transaction(lambda _: _attempt(session, confirmed, waiting), **CONCERNS)
            return done
        finally:
            _retries.reset(token)


def _attempt(session: ClientSession, work: Callable[[], T], waiting: list[Callable[[], None]]) -> T:
    while waiting:
        waiting.pop()()
    token = _session.set(session)
    try:
        return work()
    finally:
        _session.reset(token)


def before_retry(prepare: Callable[[], None]) -> None:
    """Inside a transaction: call `prepare` outside of it, before it is tried again, if it has to be."""
    waiting = _retries.get()
    if waiting is not None:
        waiting.append(prepare)


@contextmanager
def before_commit(last: Callable[[Any], None]) -> Iterator[None]:
    """`last` is handed what the work of the next transaction in this context comes to, and writes as a part of it."""
    token = _last.set([last])
    try:
        yield
    finally:
        _last.reset(token)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All that MongoDB is asked in here has so long together; what takes longer is Unavailable. Nothing else counts."""
    token = _budget.set(Budget(seconds))
    try:
        yield
    finally:
        _budget.reset(token)


def unhurried() -> AbstractContextManager[None]:
    """Around work that takes longer than any request may. (`timeout(None)` would be the client's own time-out.)"""
    return pymongo.timeout(0)


def current_session() -> ClientSession | None:
    """The transaction that is open in this context. Every call of a DAO names it, or it would not be part of it.

    PyMongo's `ClientSession.bind` would do without the naming, but then a client with a write concern (`w=` in the URI,
    as most hosted MongoDBs hand out) sends it inside the transaction too, which MongoDB refuses.
    """
    return _session.get()


def _with_last(work: Callable[[], T]) -> Callable[[], T]:
    """Work that ends with what `before_commit` asked for, which is then done with."""
    waiting = _last.get()
    if not waiting:
        return work
    last = waiting.pop()

    def whole() -> T:
        done = work()
        last(done)
        return done

    return whole


def _without_transaction(work: Callable[[], T]) -> T:
    for _ in range(ATTEMPTS_WITHOUT_TRANSACTION):
        try:
            return work()
        except Superseded:
            continue
    raise Unavailable()


def _has_transactions(client: Any) -> bool:
    """True until MongoDB is known to be a standalone server."""
    if not isinstance(client, MongoClient):
        return False
    servers = client.topology_description.server_descriptions().values()
    return not any(server.server_type_name == "Standalone" for server in servers)
