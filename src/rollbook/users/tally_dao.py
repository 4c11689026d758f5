"""The only file that queries tallies: how many users there are, without counting them."""

import itertools
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from rollbook.kit.transactions import current_session, reaching
from rollbook.users.documents import LISTED_BY_ROLE, User, UserTally

SHARDS = 32
ALL_AT_ONCE = -1
"""The shard of what was counted; the others hold what changed since."""


class Kind(NamedTuple):
    role: str
    is_active: bool
    is_deleted: bool

    @property
    def key(self) -> str:
        return f"{self.role}:{self.is_active:d}{self.is_deleted:d}"


def kind_of(user: Any) -> Kind:
    return Kind(user.role, user.is_active, user.is_deleted)


def _kind_in(row: Mapping[str, Any]) -> Kind:
    """What a document of earlier times, or of another hand, lacks, counts as nothing."""
    return Kind(row.get("role") or "", bool(row.get("is_active")), bool(row.get("is_deleted")))


class TallyDAO:
    def __init__(self) -> None:
        self._turns = itertools.count()

    def move(self, before: Kind | None, after: Kind | None) -> None:
        """As part of the transaction that makes, changes or removes a user."""
        if before == after:
            return
        moved = {f"counts.{kind.key}": by for kind, by in ((before, -1), (after, 1)) if kind}
        with reaching():
            self._collection.update_one({"_id": self._shard()}, {"$inc": moved}, session=current_session())

    def total(self, *, role: str | None, is_active: bool | None, include_deleted: bool) -> int:
        """None: any."""
        return sum(
            number
            for key, number in self._sums().items()
            if (role is None or key[:-3] == role)
            and (is_active is None or key[-2] == f"{is_active:d}")
            and (include_deleted or key[-1] == "0")
        )

    def start(self) -> bool:
        """Have every shard, so that no two writers make one at once; False, when they are there."""
        with reaching():
            missing = set(range(ALL_AT_ONCE, SHARDS)) - set(self._collection.distinct("_id", session=current_session()))
            for shard in missing:
                empty: dict[str, Any] = {"$setOnInsert": {"counts": {}}}
                self._collection.update_one({"_id": shard}, empty, upsert=True, session=current_session())
        return bool(missing)

    def recount(self) -> bool:
        """Make the sum what there is, and tell whether it was not; call it inside a transaction.

        All that is read is of one instant, and what changes meanwhile is added to other shards: nothing is lost.
        """
        groups = {"_id": {"role": "$role", "is_active": "$is_active", "is_deleted": "$is_deleted"}, "n": {"$sum": 1}}
        with reaching():
            users = User._get_collection().aggregate(
                [{"$group": groups}], hint=LISTED_BY_ROLE, session=current_session()
            )
            there = Counter[str]()
            for group in users:
                there[_kind_in(group["_id"]).key] += group["n"]
        tallied = self._sums()
        wrong = {key: there[key] - tallied[key] for key in there.keys() | tallied.keys()}
        moved = {f"counts.{key}": by for key, by in wrong.items() if by}
        if moved:
            with reaching():
                self._collection.update_one({"_id": ALL_AT_ONCE}, {"$inc": moved}, session=current_session())
        return bool(moved)

    def _sums(self) -> Counter[str]:
        with reaching():
            sums = Counter[str]()
            for shard in self._collection.find({}, session=current_session()):
                sums.update(shard["counts"])
        return sums

    def _shard(self) -> int:
        """The next one each time: who runs again, because someone who died holds one, takes another."""
        return (os.getpid() * 8 + next(self._turns)) % SHARDS

    @property
    def _collection(self) -> Any:
        return UserTally._get_collection()


tallies = TallyDAO()
