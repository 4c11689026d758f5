"""The only file that queries sessions."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.kit.dao import BaseDAO
from rollbook.kit.transactions import current_session, reaching
from rollbook.locks.dao import locks, of_user
from rollbook.sessions.documents import Session
from rollbook.sessions.errors import SessionNotFound


class SessionDAO(BaseDAO[Session]):
    document = Session
    missing = SessionNotFound
    unlisted = ("family", "current")

    def rotate(
        self, family: str, current: str, *, at: datetime, changes: Mapping[str, Any], max_age: timedelta
    ) -> Session | None:
        """In one atomic write; None when `current` is not the newest token of a session that lives.

        `changes` has `expires_at`, which is cut at `max_age` after the sign-in.
        """
        literal = {name: {"$literal": value} for name, value in changes.items()}
        end = {"$add": ["$created_at", int(max_age.total_seconds() * 1000)]}
        literal["expires_at"] = {"$min": [changes["expires_at"], end]}
        with reaching():
            found = self._collection.find_one_and_update(
                {"family": family, "current": current, "expires_at": {"$gt": at}, "created_at": {"$gt": at - max_age}},
                [{"$set": literal}],
                return_document=ReturnDocument.AFTER,
                session=current_session(),
            )
        return None if found is None else self._document(found)

    def find_own(self, id: str, user_id: ObjectId) -> Session | None:
        found = self.find("_id", id)
        return found if found and found.user_id == user_id else None

    def remove(self, id: Any) -> Session:
        session = super().remove(id)
        locks.take(of_user(session.user_id))
        return session

    def remove_of(self, user_id: ObjectId, *, spare: str | None = None) -> int:
        """All of a user's but `spare`; how many there were."""
        query: dict[str, Any] = {"user_id": user_id}
        if spare:
            query["_id"] = {"$ne": spare}
        with reaching():
            removed = int(self._collection.delete_many(query, session=current_session()).deleted_count)
            if removed:
                locks.take(of_user(user_id))
            return removed

    def remove_oldest(self, user_id: ObjectId, *, keep: int) -> None:
        """All of a user's but the `keep` newest."""
        newest_first = [("created_at", -1), ("_id", -1)]
        with reaching():
            found = self._collection.find({"user_id": user_id}, {"_id": True}, session=current_session())
            ids = [row["_id"] for row in found.sort(newest_first).skip(keep)]
            if ids:
                self._collection.delete_many({"_id": {"$in": ids}}, session=current_session())
                locks.take(of_user(user_id))


sessions = SessionDAO()
