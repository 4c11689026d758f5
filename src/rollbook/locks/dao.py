"""The only file that queries locks.

A caller who uses a right acquires a shared lock. A caller who takes the right away acquires an
exclusive lock. A lock is held by a transaction and released at its end.

MongoDB has no shared locks: two transactions that write one document conflict. So a lock has
shards. A shared lock writes one shard, an exclusive one writes all of them: many callers act at the
same time, but none during a revocation (docs/decisions/011-rights-inside-the-transaction.md).
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from pymongo import ReturnDocument, UpdateOne

from rollbook.caching.barriers import raise_barrier
from rollbook.locks.documents import LockShard
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors
from rollbook.storage.shards import ShardChooser
from rollbook.storage.transactions import RetryTransaction, run_before_retry

SHARDS = 32
CLOSED = timedelta(seconds=1)
_USE: dict[str, Any] = {"$inc": {"uses": 1}, "$currentDate": {"used_at": True}}


class LockDAO:
    def __init__(self) -> None:
        self._shards = ShardChooser(SHARDS)

    def acquire_shared(self, names: Sequence[str]) -> None:
        """Hold each lock, together with others, until the transaction ends.

        Without a transaction it does nothing. Raises: RetryTransaction, while another transaction
        waits for one of the locks exclusively.
        """
        if current_client_session() is None:
            return
        for name in names:
            used = self._collection.find_one_and_update(
                {"_id": f"{name}/{self._shards.choose()}"},
                _USE,
                upsert=True,
                return_document=ReturnDocument.AFTER,
                session=current_client_session(),
            )
            remaining = used.get("closed_until", used["used_at"]) - used["used_at"]
            if timedelta() < remaining <= CLOSED:  # Longer, if MongoDB's clock was ahead.
                raise RetryTransaction()

    def acquire_exclusive(self, name: str) -> None:
        """Hold the lock alone until the transaction ends. Without a transaction it does nothing.

        The transaction returns only when no worker remembers the rights as they were.

        After a conflict with a shared lock, new shared locks are refused before the next attempt.
        So a caller who sends requests without pause cannot delay the loss of their rights.
        """
        if current_client_session() is None:
            return
        run_before_retry(partial(self._close, name))
        raise_barrier()
        use = {**_USE, "$unset": {"closed_until": ""}}
        uses = [UpdateOne({"_id": key}, use, upsert=True) for key in _list_shards(name)]
        self._collection.bulk_write(uses, session=current_client_session())

    def _close(self, name: str) -> None:
        """Refuse new shared locks for a while.

        The write is outside of the transaction, where it waits for the holder instead of
        conflicting.
        """
        until = {"$add": ["$$NOW", int(CLOSED.total_seconds() * 1000)]}
        update = [{"$set": {"closed_until": until, "used_at": "$$NOW"}}]
        closes = [UpdateOne({"_id": key}, update, upsert=True) for key in _list_shards(name)]
        with translate_driver_errors():
            self._collection.bulk_write(closes, session=None)

    @property
    def _collection(self) -> Any:
        return LockShard._get_collection()


def _list_shards(name: str) -> list[str]:
    return [f"{name}/{number}" for number in range(SHARDS)]


def user_lock(id: object) -> str:
    """Name the lock on the rights of a user: their sessions, their state and their role."""
    return f"user:{id}"


def role_lock(name: str) -> str:
    """Name the lock on the permissions of a role."""
    return f"role:{name}"


locks = LockDAO()
