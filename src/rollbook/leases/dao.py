"""The only file that queries leases: who of all workers and replicas may do what only one should."""

from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from rollbook.kit.transactions import current_session, reaching
from rollbook.leases.documents import Lease


class LeaseDAO:
    def take(self, name: str, holder: str, *, lasting: timedelta) -> bool:
        """In one atomic write; False, when someone else has it still. Whoever has it may take it again, for longer.

        MongoDB's clock decides, not the caller's: a machine whose clock is weeks ahead would hold it for weeks.
        """
        is_free = {"$or": [{"$lte": [{"$ifNull": ["$until", "$$NOW"]}, "$$NOW"]}, {"$eq": ["$holder", holder]}]}
        until = {"$add": ["$$NOW", int(lasting.total_seconds() * 1000)]}
        taken = {
            "holder": {"$cond": [is_free, {"$literal": holder}, "$holder"]},
            "until": {"$cond": [is_free, until, "$until"]},
        }
        try:
            with reaching():
                found = self._collection.find_one_and_update(
                    {"_id": name},
                    [{"$set": taken}],
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=current_session(),
                )
        except DuplicateKeyError:
            return False
        return bool(found["holder"] == holder)

    def now(self) -> datetime:
        """By MongoDB's clock, which all machines share. Raises: Unavailable."""
        pipeline: list[dict[str, Any]] = [{"$documents": [{}]}, {"$project": {"_id": False, "now": "$$NOW"}}]
        with reaching():
            (row,) = self._collection.database.aggregate(pipeline, session=None)
        moment: datetime = row["now"]
        return moment

    def give_back(self, name: str, holder: str) -> None:
        with reaching():
            self._collection.delete_one({"_id": name, "holder": holder}, session=current_session())

    @property
    def _collection(self) -> Any:
        return Lease._get_collection()


leases = LeaseDAO()
