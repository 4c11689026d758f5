"""The only file that queries kept requests."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from rollbook.idempotency.documents import KeptRequest
from rollbook.kit.transactions import current_session, reaching


class KeptRequestDAO:
    def claim(self, new: KeptRequest, *, at: datetime) -> Mapping[str, Any] | None:
        """What is kept now: `new`, unless an earlier request of that scope is done, or under way (None: just begun).

        One that expired, or whose process died before it was done, is taken over in one atomic write.
        """
        new.validate()
        stored = new.to_mongo()
        abandoned = {"_id": new.pk, "$or": [{"expires_at": {"$lte": at}}, {"status": None, "held_until": {"$lte": at}}]}
        try:
            with reaching():
                claimed = self._collection.find_one_and_replace(
                    abandoned, stored, upsert=True, return_document=ReturnDocument.AFTER, session=current_session()
                )
        except DuplicateKeyError:
            with reaching():
                claimed = self._collection.find_one({"_id": new.pk}, session=current_session())
        return claimed  # type: ignore[no-any-return] # PyMongo's collections have no types here

    def settle(self, scope: str, attempt: str, answer: Mapping[str, Any]) -> bool:
        """False, when it is this attempt's no more."""
        with reaching():
            settled = self._collection.update_one(
                {"_id": scope, "attempt": attempt}, {"$set": dict(answer)}, session=current_session()
            )
        return bool(settled.matched_count)

    def release(self, scope: str, attempt: str) -> None:
        """Unless it is done."""
        with reaching():
            self._collection.delete_one({"_id": scope, "attempt": attempt, "status": None}, session=current_session())

    def forget(self, about: str) -> None:
        """What was answered of that."""
        with reaching():
            self._collection.delete_many({"about": about}, session=current_session())

    @property
    def _collection(self) -> Any:
        return KeptRequest._get_collection()


kept_requests = KeptRequestDAO()
