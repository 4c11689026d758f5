"""The only file that queries tallies: numbers that are known without counting."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rollbook.kit.listing import Row
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors
from rollbook.storage.paging import Pipeline
from rollbook.storage.shards import ShardChooser
from rollbook.tallies.documents import UserTally

SHARDS = 32
IS_SHARD = "is_shard"
SHARD = {IS_SHARD: True}
BASE_SHARD = -1
"""The shard that a recount corrects. The others hold what has changed since."""


class TallyDAO:
    def __init__(self) -> None:
        self._shards = ShardChooser(SHARDS)

    def move(self, before: str | None, after: str | None) -> None:
        """Count one less of the key `before` and one more of `after`.

        Call it inside the transaction of the change.
        """
        if before == after:
            return
        moved = {f"counts.{key}": by for key, by in ((before, -1), (after, 1)) if key}
        with translate_driver_errors():
            self._collection.update_one(
                {"_id": self._shards.choose()}, {"$inc": moved}, session=current_client_session()
            )

    def sum(self, matches: Callable[[str], bool]) -> int:
        """Return the sum of all keys that `matches` accepts."""
        return _sum(self._list_shards(), matches)

    def append_to(
        self, pipeline: Pipeline, matches: Callable[[str], bool]
    ) -> tuple[Pipeline, Callable[[Iterable[Row]], tuple[list[Row], int]]]:
        """Let an aggregation return the shards after its own rows: one round trip instead of two.

        Returns the longer pipeline, and a function that splits what it returns into its rows and
        the sum of all keys that `matches` accepts.
        """
        union = {"$unionWith": {"coll": self._collection.name, "pipeline": [{"$set": SHARD}]}}

        def split(found: Iterable[Row]) -> tuple[list[Row], int]:
            rows: list[Row] = []
            shards: list[Row] = []
            for each in found:
                (shards if IS_SHARD in each else rows).append(each)
            return rows, _sum(shards, matches)

        return [*pipeline, union], split

    def create_shards(self) -> bool:
        """Create missing shards beforehand, so that no two writers create the same one.

        False when all of them exist.
        """
        session = current_client_session()
        with translate_driver_errors():
            existing = set(self._collection.distinct("_id", session=session))
            missing = set(range(BASE_SHARD, SHARDS)) - existing
            for shard in missing:
                empty: dict[str, Any] = {"$setOnInsert": {"counts": {}}}
                self._collection.update_one({"_id": shard}, empty, upsert=True, session=session)
        return bool(missing)

    def correct(self, counted: Mapping[str, int]) -> bool:
        """Set the sums to `counted`, and return whether they were wrong.

        Call it inside the transaction that counted: all reads are of one instant, and changes of
        other transactions go to other shards, so none is lost.
        """
        tallied = Counter[str]()
        for shard in self._list_shards():
            tallied.update(shard["counts"])
        keys = counted.keys() | tallied.keys()
        wrong = {key: counted.get(key, 0) - tallied[key] for key in keys}
        moved = {f"counts.{key}": by for key, by in wrong.items() if by}
        if moved:
            with translate_driver_errors():
                self._collection.update_one(
                    {"_id": BASE_SHARD}, {"$inc": moved}, session=current_client_session()
                )
        return bool(moved)

    def _list_shards(self) -> list[Row]:
        with translate_driver_errors():
            return list(self._collection.find({}, session=current_client_session()))

    @property
    def _collection(self) -> Any:
        return UserTally._get_collection()


def _sum(shards: Iterable[Row], matches: Callable[[str], bool]) -> int:
    return sum(
        number for shard in shards for key, number in shard["counts"].items() if matches(key)
    )


tallies = TallyDAO()
