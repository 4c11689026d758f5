"""The only file that queries locks: shared for whoever acts with a right, exclusive for whoever takes it away.

A lock is held by a transaction and released at its end. MongoDB has no shared locks: two transactions that write one
document conflict. So a lock has shards. Whoever shares it writes one of them, whoever takes it exclusively writes all:
many act side by side, but none beside a revocation. See docs/decisions/011-rights-inside-the-transaction.md.
"""

import itertools
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from pymongo import ReturnDocument, UpdateOne

from rollbook.kit.transactions import TryAgain, before_retry, current_session, reaching
from rollbook.locks.documents import LockShard

SHARDS = 16
CLOSED_MILLISECONDS = 1_000


class LockDAO:
    def __init__(self) -> None:
        self._turns = itertools.count()

    def share(self, names: Sequence[str]) -> None:
        """Hold each lock together with others until the transaction ends; without a transaction, do nothing.

        Raises: TryAgain, while someone waits for one of them exclusively.
        """
        if current_session() is None:
            return
        for name in names:
            used = self._collection.find_one_and_update(
                {"_id": f"{name}/{self._shard()}"},
                _USE,
                upsert=True,
                return_document=ReturnDocument.AFTER,
                session=current_session(),
            )
            if used.get("closed_until", used["used_at"]) > used["used_at"]:
                raise TryAgain()

    def take(self, name: str) -> None:
        """Hold the lock alone until the transaction ends; without a transaction, do nothing.

        When that conflicts with those who share it, they are kept out before the next attempt: a caller who sends
        changes without pause cannot put off the end of their own rights.
        """
        if current_session() is None:
            return
        before_retry(partial(self._close, name))
        uses = [UpdateOne({"_id": key}, {**_USE, "$unset": {"closed_until": ""}}, upsert=True) for key in _keys(name)]
        self._collection.bulk_write(uses, session=current_session())

    def _close(self, name: str) -> None:
        """Outside of any transaction, so each write waits for the one that holds the shard, and does not conflict."""
        until = {"$add": ["$$NOW", CLOSED_MILLISECONDS]}
        closed = [{"$set": {"closed_until": until, "used_at": "$$NOW"}}]
        with reaching():
            self._collection.bulk_write(
                [UpdateOne({"_id": key}, closed, upsert=True) for key in _keys(name)], session=None
            )

    def _shard(self) -> int:
        """The next one each time: who tries again takes another."""
        return (os.getpid() * 8 + next(self._turns)) % SHARDS

    @property
    def _collection(self) -> Any:
        return LockShard._get_collection()


_USE: dict[str, Any] = {"$inc": {"uses": 1}, "$currentDate": {"used_at": True}}


def _keys(name: str) -> list[str]:
    return [f"{name}/{number}" for number in range(SHARDS)]


def of_user(id: object) -> str:
    """The lock on what a user may do: on their sessions, their state and which role they have."""
    return f"user:{id}"


def of_role(name: str) -> str:
    """The lock on what a role allows."""
    return f"role:{name}"


locks = LockDAO()
