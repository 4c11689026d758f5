"""The only file that queries leases of caches, and barriers."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bson import ObjectId, Timestamp
from mongoengine.connection import get_connection
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from rollbook.caching.documents import CacheBarrier, CacheLease
from rollbook.storage.driver_errors import (
    current_client_session,
    translate_driver_errors,
    use_client_session,
)

EVENT_FIELDS = {"operationType": 1, "ns.coll": 1, "documentKey": 1, "clusterTime": 1}


@contextmanager
def reading_after(position: Timestamp) -> Iterator[None]:
    """Let the reads inside see everything up to `position`, also from a new primary."""
    with translate_driver_errors(), get_connection().start_session() as client_session:
        client_session.advance_operation_time(position)
        with use_client_session(client_session):
            yield


class CacheLeaseDAO:
    """Writes wait for a majority: a lease that could be rolled back would protect nobody."""

    def insert(self, id: str, at: datetime) -> Timestamp:
        """Store a lease. Return the point in the history of the database from which it counts."""
        lease = {"_id": id, "renewed_at": at, "is_evicted": False}
        with translate_driver_errors(), get_connection().start_session() as client_session:
            self._collection.insert_one(lease, session=client_session)
            position: Timestamp = client_session.operation_time
        return position

    def renew(self, id: str, at: datetime) -> bool:
        """Renew a lease. False, if it is evicted or gone: then it is lost for good."""
        with translate_driver_errors():
            renewed = self._collection.update_one(
                {"_id": id, "is_evicted": False}, {"$set": {"renewed_at": at}}, session=None
            )
        return bool(renewed.matched_count)

    def delete(self, ids: Collection[str]) -> None:
        with translate_driver_errors():
            self._collection.delete_many({"_id": {"$in": list(ids)}}, session=None)

    def list_ids(self) -> set[str]:
        """List the leases after the transaction that the current client session has committed."""
        with translate_driver_errors():
            found = self._collection.find({}, {"_id": True}, session=current_client_session())
            return {row["_id"] for row in found}

    def evict(self, ids: Collection[str]) -> None:
        """Let these leases end: they cannot be renewed any more."""
        query, update = {"_id": {"$in": list(ids)}}, {"$set": {"is_evicted": True}}
        with translate_driver_errors():
            self._collection.update_many(query, update, session=None)

    @property
    def _collection(self) -> Any:
        return CacheLease._get_collection()


class BarrierDAO:
    def insert(self, at: datetime) -> ObjectId:
        """Store a barrier as a part of the open transaction, and return its id."""
        barrier = ObjectId()
        row = {"_id": barrier, "created_at": at, "applied_by": []}
        self._collection.insert_one(row, session=current_client_session())
        return barrier

    def mark_applied(self, id: ObjectId, lease_id: str) -> None:
        """Note that the cache of a lease has applied everything before a barrier.

        A note that is rolled back is still true, so it waits for no majority.
        """
        with translate_driver_errors():
            fast = self._collection.with_options(write_concern=WriteConcern(1))
            fast.update_one({"_id": id}, {"$addToSet": {"applied_by": lease_id}}, session=None)

    def list_applied(self, id: ObjectId) -> set[str]:
        """List the leases whose caches have applied a barrier."""
        with translate_driver_errors():
            fresh = self._collection.with_options(read_concern=ReadConcern("local"))
            found = fresh.find_one({"_id": id}, {"applied_by": True}, session=None)
        return set(found["applied_by"]) if found else set()

    @contextmanager
    def watch(self, changes: Sequence[dict[str, Any]], *, seconds: float) -> Iterator[Any]:
        """Open a change stream of all barriers, and of other `changes`, which are MongoDB filters.

        Its `try_next` waits up to `seconds` for an event with EVENT_FIELDS, and returns None
        without one. Raises: Unavailable, DatabaseError.
        """
        barriers = {"ns.coll": self._collection.name, "operationType": "insert"}
        pipeline = [{"$match": {"$or": [barriers, *changes]}}, {"$project": EVENT_FIELDS}]
        database = self._collection.database
        with (
            translate_driver_errors(),
            database.watch(pipeline, max_await_time_ms=int(seconds * 1000)) as stream,
        ):
            yield stream

    @property
    def _collection(self) -> Any:
        return CacheBarrier._get_collection()


cache_leases = CacheLeaseDAO()
cache_barriers = BarrierDAO()
