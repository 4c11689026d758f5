"""Transactions: a use case commits all of its writes together, or none."""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import pymongo
from mongoengine.connection import get_connection
from prometheus_client import Counter
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from rollbook.kit import metrics
from rollbook.kit.errors import Unavailable
from rollbook.storage.driver_errors import translate_driver_errors, use_client_session

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

TRANSACTION_SECONDS = 4
ATTEMPTS_WITHOUT_TRANSACTION = 20
CONCERNS: dict[str, Any] = {
    "read_concern": ReadConcern("snapshot"),
    "write_concern": WriteConcern("majority", j=True),
    "read_preference": ReadPreference.PRIMARY,
}
"""Passed explicitly: a URI may ask for others, with which MongoDB refuses a transaction."""

_commit_hooks: ContextVar[list[Callable[[Any], None]] | None] = ContextVar(
    "rollbook_commit_hooks", default=None
)
_retry_hooks: ContextVar[list[Callable[[], None]] | None] = ContextVar(
    "rollbook_retry_hooks", default=None
)
_last_writes: ContextVar[dict[str, Callable[[], Callable[[], None]]] | None] = ContextVar(
    "rollbook_last_writes", default=None
)

_is_inside: ContextVar[bool] = ContextVar("rollbook_is_inside", default=False)
"""Is the work of a transaction running? Also where MongoDB has no transactions."""


class Actor(Protocol):
    """The caller on whose behalf a transaction runs."""

    def confirm(self) -> None:
        """Confirm the caller's rights.

        It is called first in every attempt. When it raises, nothing is committed.

        Raises: AppError, when the caller has lost the rights that the guard saw.
        """


class WriteConflict(Exception):
    """Another write came first. `in_transaction` starts again."""


class RetryTransaction(PyMongoError):
    """Raised inside a transaction: PyMongo aborts it and starts it again after a pause."""

    def has_error_label(self, label: str) -> bool:
        return label == "TransientTransactionError"


def transactional(
    *, seconds: float = TRANSACTION_SECONDS
) -> Callable[[Callable[Concatenate[S, P], T]], Callable[Concatenate[S, P], T]]:
    """Run a method of a service in a transaction, or as a part of the one that is open.

    The method takes the keyword argument `actor`; see `in_transaction`. Inside an open transaction,
    its own `actor` and `seconds` have no effect. A traceback names the method, and so the
    transaction that failed.
    """

    def decorate(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
        parameter = inspect.signature(method).parameters.get("actor")
        if parameter is None or parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{method.__qualname__} needs the keyword argument `actor`")

        @functools.wraps(method)
        def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
            if _is_inside.get():
                return method(self, *args, **kwargs)
            actor: Any = kwargs["actor"]
            work = functools.partial(method, self, *args, **kwargs)
            return in_transaction(work, actor=actor, seconds=seconds)

        return run

    return decorate


def in_transaction(
    work: Callable[[], T], *, actor: Actor, seconds: float = TRANSACTION_SECONDS
) -> T:
    """Commit everything that `work` writes, or nothing.

    The rights of `actor` are confirmed inside the transaction, by a write that conflicts with their
    revocation: a request that began before a revocation commits before it, or not at all.

    `work` runs again after a conflict with another write (TransientTransactionError). So it must
    read everything that it depends on, and do nothing but read and write. Where MongoDB has no
    transactions (ALLOW_STANDALONE, mongomock), `work` runs on its own, and again after a
    WriteConflict.

    Raises: Unavailable, when MongoDB is unavailable or `work` does not commit within `seconds`; the
    errors of `actor.confirm`.
    """
    client, whole = get_connection(), _append_commit_hook(work)

    def confirm_and_work() -> T:
        token = _is_inside.set(True)
        try:
            actor.confirm()
            return whole()
        finally:
            _is_inside.reset(token)

    if not _supports_transactions(client):
        return _run_without_transaction(confirm_and_work)
    with translate_driver_errors(), client.start_session() as client_session:
        return _run_with_retries(client_session, confirm_and_work, seconds)


def run_before_retry(prepare: Callable[[], None]) -> None:
    """Call `prepare` before a retry of the current transaction, outside of it."""
    hooks = _retry_hooks.get()
    if hooks is not None:
        hooks.append(prepare)


def run_after_commit(name: str, prepare: Callable[[], Callable[[], None]]) -> None:
    """Call what `prepare` returns after the current transaction has committed.

    `prepare` is the last part of the transaction, once for each `name`: change streams return what
    it writes after everything else. Outside of a transaction nothing runs.
    """
    last_writes = _last_writes.get()
    if last_writes is not None:
        last_writes[name] = prepare


def count_after_commit(counter: Counter, number: int = 1) -> None:
    """Add `number` to a metric when the current transaction has committed."""
    last_writes = _last_writes.get()
    if last_writes is None:
        counter.inc(number)
    else:
        count = functools.partial(counter.inc, number)
        last_writes[f"count {len(last_writes)}"] = lambda: count


@contextmanager
def run_before_commit(hook: Callable[[Any], None]) -> Iterator[None]:
    """Call `hook` with the result of the next transaction's work, as the last part of it."""
    token = _commit_hooks.set([hook])
    try:
        yield
    finally:
        _commit_hooks.reset(token)


def _run_with_retries(client_session: ClientSession, work: Callable[[], T], seconds: float) -> T:
    """Run the transaction, and then what it has asked for after its commit."""
    before_retry: list[Callable[[], None]] = []
    last_writes: dict[str, Callable[[], Callable[[], None]]] = {}
    after_commit: list[Callable[[], None]] = []
    tokens = _retry_hooks.set(before_retry), _last_writes.set(last_writes)

    attempts = itertools.count()

    def attempt(_: ClientSession) -> T:
        if next(attempts):
            metrics.transaction_retries().inc()
        last_writes.clear()
        while before_retry:
            before_retry.pop()()
        with use_client_session(client_session):
            done = work()
            after_commit[:] = [prepare() for prepare in last_writes.values()]
            return done

    try:
        with pymongo.timeout(seconds):
            result: T = client_session.with_transaction(attempt, **CONCERNS)
    finally:
        _retry_hooks.reset(tokens[0])
        _last_writes.reset(tokens[1])
    with use_client_session(client_session):
        for hook in after_commit:
            hook()
    return result


def _append_commit_hook(work: Callable[[], T]) -> Callable[[], T]:
    """Return `work` followed by the hook of `run_before_commit`, which is used once."""
    hooks = _commit_hooks.get()
    if not hooks:
        return work
    hook = hooks.pop()

    def work_and_hook() -> T:
        result = work()
        hook(result)
        return result

    return work_and_hook


def _run_without_transaction(work: Callable[[], T]) -> T:
    for _ in range(ATTEMPTS_WITHOUT_TRANSACTION):
        try:
            return work()
        except WriteConflict:
            continue
    raise Unavailable()


def _supports_transactions(client: Any) -> bool:
    """Return True until MongoDB is known to be a standalone server."""
    if not isinstance(client, MongoClient):
        return False
    servers = client.topology_description.server_descriptions().values()
    return not any(server.server_type_name == "Standalone" for server in servers)
