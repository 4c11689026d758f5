"""The only file that queries leases. A lease lets one process of all replicas do a task."""

from datetime import datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from rollbook.kit import metrics
from rollbook.leases.documents import Lease
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors

CLOCK_TOLERANCE_MILLISECONDS = 10_000
"""So much the clocks of two primaries may differ without a lease being taken for a wrong one."""


class LeaseDAO:
    def acquire(self, name: str, holder: str, *, duration: timedelta) -> bool:
        """Acquire the lease, or extend it, in one atomic write.

        False while another process holds it. MongoDB's clock decides: a machine whose clock is
        weeks ahead would hold the lease for weeks. A lease that ends later than one acquired now
        would end was acquired while MongoDB's clock was ahead, and does not count.
        """
        until = {"$ifNull": ["$until", "$$NOW"]}
        new_until = {"$add": ["$$NOW", int(duration.total_seconds() * 1000)]}
        too_late = {"$add": [new_until, CLOCK_TOLERANCE_MILLISECONDS]}
        is_over = {"$or": [{"$lte": [until, "$$NOW"]}, {"$gt": [until, too_late]}]}
        is_free = {"$or": [is_over, {"$eq": ["$holder", holder]}]}
        update = {
            "holder": {"$cond": [is_free, {"$literal": holder}, "$holder"]},
            "until": {"$cond": [is_free, new_until, "$until"]},
        }
        try:
            with translate_driver_errors():
                lease = self._collection.find_one_and_update(
                    {"_id": name},
                    [{"$set": update}],
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=current_client_session(),
                )
        except DuplicateKeyError:
            return False
        is_acquired = bool(lease["holder"] == holder)
        if is_acquired:
            metrics.leases_acquired().labels(name).inc()
        return is_acquired

    def release(self, name: str, holder: str) -> None:
        with translate_driver_errors():
            self._collection.delete_one(
                {"_id": name, "holder": holder}, session=current_client_session()
            )

    def get_database_time(self) -> datetime:
        """Return the time of MongoDB's clock, which all machines share. Raises: Unavailable."""
        pipeline: list[dict[str, Any]] = [
            {"$documents": [{}]},
            {"$project": {"_id": False, "now": "$$NOW"}},
        ]
        with translate_driver_errors():
            (row,) = self._collection.database.aggregate(pipeline, session=None)
        time: datetime = row["now"]
        return time

    @property
    def _collection(self) -> Any:
        return Lease._get_collection()


leases = LeaseDAO()
