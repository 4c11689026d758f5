"""The only file that queries sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.kit import metrics
from rollbook.kit.listing import Row
from rollbook.locks.dao import locks, user_lock
from rollbook.sessions.documents import Session
from rollbook.sessions.errors import SessionNotFound
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors
from rollbook.storage.transactions import count_after_commit


class SessionDAO(BaseDAO[Session]):
    document = Session
    not_found = SessionNotFound
    hidden_fields = ("family", "current")

    def rotate(
        self,
        family: str,
        current: str,
        *,
        at: datetime,
        changes: Mapping[str, Any],
        max_age: timedelta,
    ) -> Session | None:
        """Replace the hash `current` in one atomic write.

        None when `current` is not the latest token of a session that has not expired. `changes`
        has `expires_at`, which is cut to `max_age` after the sign-in.
        """
        update = {name: {"$literal": value} for name, value in changes.items()}
        end = {"$add": ["$created_at", int(max_age.total_seconds() * 1000)]}
        update["expires_at"] = {"$min": [changes["expires_at"], end]}
        query = {
            "family": family,
            "current": current,
            "expires_at": {"$gt": at},
            "created_at": {"$gt": at - max_age},
        }
        with translate_driver_errors():
            updated = self._collection.find_one_and_update(
                query,
                [{"$set": update}],
                return_document=ReturnDocument.AFTER,
                session=current_client_session(),
            )
        return None if updated is None else self.to_document(updated)

    def find_of_user(self, id: str, user_id: ObjectId) -> Session | None:
        found = self.find("_id", id)
        return found if found and found.user_id == user_id else None

    def find_joined(
        self, id: str, user_id: ObjectId, *, at: datetime, stages: Sequence[Mapping[str, Any]]
    ) -> Row | None:
        """Find a session that has not expired at `at`, and join it by aggregation `stages`.

        The stages see the session's own fields.
        """
        match = {"_id": id, "user_id": user_id, "expires_at": {"$gt": at}}
        with translate_driver_errors():
            rows = self._collection.aggregate(
                [{"$match": match}, *stages], session=current_client_session()
            )
            return next(iter(rows), None)

    def delete(self, id: Any) -> Session:
        session = super().delete(id)
        locks.acquire_exclusive(user_lock(session.user_id))
        count_after_commit(metrics.sessions_ended())
        return session

    def delete_of_user(self, user_id: ObjectId, *, besides: str | None = None) -> int:
        """Delete all sessions of a user except `besides`, and return their number."""
        query: dict[str, Any] = {"user_id": user_id}
        if besides:
            query["_id"] = {"$ne": besides}
        with translate_driver_errors():
            deleted = self._collection.delete_many(query, session=current_client_session())
            count = int(deleted.deleted_count)
            if count:
                locks.acquire_exclusive(user_lock(user_id))
                count_after_commit(metrics.sessions_ended(), count)
            return count

    def delete_oldest(self, user_id: ObjectId, *, keep: int) -> None:
        """Delete all sessions of a user except the `keep` latest."""
        latest_first = [("created_at", -1), ("_id", -1)]
        session = current_client_session()
        with translate_driver_errors():
            found = self._collection.find({"user_id": user_id}, {"_id": True}, session=session)
            ids = [row["_id"] for row in found.sort(latest_first).skip(keep)]
            if ids:
                self._collection.delete_many({"_id": {"$in": ids}}, session=session)
                locks.acquire_exclusive(user_lock(user_id))
                count_after_commit(metrics.sessions_ended(), len(ids))


sessions = SessionDAO()
