"""Translation of PyMongo's errors, and the time that MongoDB may take for one request."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import pymongo
from pymongo.client_session import ClientSession
from pymongo.errors import (
    ConnectionFailure,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
)

from rollbook.kit.errors import Unavailable

MIN_SECONDS = 0.05
"""The time-out of a call when the budget is used up. `pymongo.timeout(0)` would mean none."""
TRANSACTIONS_UNSUPPORTED = 20
UNREACHABLE_ERRORS = (ConnectionFailure, InvalidOperation)
"""InvalidOperation: the client was closed during this request, because a new one replaced it."""


class DatabaseError(Exception):
    """What MongoDB refused, by name and code only. PyMongo's message may repeat stored values."""


@dataclass
class _Budget:
    """Seconds that MongoDB may still take."""

    seconds: float


_budget: ContextVar[_Budget | None] = ContextVar("rollbook_budget", default=None)
_client_session: ContextVar[ClientSession | None] = ContextVar(
    "rollbook_client_session", default=None
)


def current_client_session() -> ClientSession | None:
    """Return MongoDB's client session of the open transaction, which each call of a DAO passes on.

    PyMongo's `ClientSession.bind` would make that unnecessary. But a client with a write concern
    (`w=` in the URI) then sends it inside the transaction too, which MongoDB refuses.
    """
    return _client_session.get()


@contextmanager
def use_client_session(client_session: ClientSession) -> Iterator[None]:
    """Make the DAOs take part in the transaction of `client_session`."""
    token = _client_session.set(client_session)
    try:
        yield
    finally:
        _client_session.reset(token)


@contextmanager
def translate_driver_errors() -> Iterator[None]:
    """Translate PyMongo's errors. Wrap every call of PyMongo in this.

    Inside a transaction PyMongo's errors pass, since the transaction decides which ones to retry.

    Raises: DuplicateKeyError; Unavailable for time-outs and lost connections; DatabaseError for all
    others.
    """
    if current_client_session() is not None:
        yield
        return
    try:
        with spend_database_time():
            yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        unreachable = isinstance(error, UNREACHABLE_ERRORS)
        if unreachable or error.timeout or _is_restarted_standalone(error):
            raise Unavailable() from None
        details = error.details or {} if isinstance(error, OperationFailure) else {}
        raise DatabaseError(f"{type(error).__name__} {details.get('codeName', '')}") from None


@contextmanager
def limit_database_time(seconds: float) -> Iterator[None]:
    """Limit all database calls inside to `seconds` together; then they are Unavailable.

    Only the time inside database calls counts.
    """
    token = _budget.set(_Budget(seconds))
    try:
        yield
    finally:
        _budget.reset(token)


def without_timeout() -> AbstractContextManager[None]:
    """Lift the time limit, for work that may take longer than a request.

    `timeout(None)` would use the client's own limit.
    """
    return pymongo.timeout(0)


@contextmanager
def spend_database_time() -> Iterator[None]:
    """Let the database calls inside take what `limit_database_time` has left."""
    budget = _budget.get()
    if budget is None:
        yield
        return
    started = time.monotonic()
    try:
        with pymongo.timeout(max(budget.seconds, MIN_SECONDS)):
            yield
    finally:
        budget.seconds -= time.monotonic() - started


def _is_restarted_standalone(error: PyMongoError) -> bool:
    """Detect a standalone server that restarts, since PyMongo tries transactions on it."""
    return isinstance(error, OperationFailure) and error.code == TRANSACTIONS_UNSUPPORTED
