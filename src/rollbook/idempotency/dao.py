"""The only file that queries idempotency records."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from rollbook.idempotency.documents import IdempotencyRecord
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors


class IdempotencyDAO:
    def claim(self, new: IdempotencyRecord, *, at: datetime) -> Mapping[str, Any] | None:
        """Store `new`, unless its scope has a record that is complete or under way.

        Return the stored record, or None when another request is storing one at the same time. A
        record that expired, or whose process died before it was complete, is replaced in one atomic
        write.
        """
        new.validate()
        abandoned = {"status": None, "held_until": {"$lte": at}}
        replaceable = {"_id": new.pk, "$or": [{"expires_at": {"$lte": at}}, abandoned]}
        try:
            with translate_driver_errors():
                record = self._collection.find_one_and_replace(
                    replaceable,
                    new.to_mongo(),
                    upsert=True,
                    return_document=ReturnDocument.AFTER,
                    session=current_client_session(),
                )
        except DuplicateKeyError:
            with translate_driver_errors():
                record = self._collection.find_one(
                    {"_id": new.pk}, session=current_client_session()
                )
        return record  # type: ignore[no-any-return] # PyMongo's collections have no types here

    def complete(self, scope: str, attempt: str, response: Mapping[str, Any]) -> bool:
        """Complete the record. False when another attempt has replaced this one."""
        with translate_driver_errors():
            updated = self._collection.update_one(
                {"_id": scope, "attempt": attempt},
                {"$set": dict(response)},
                session=current_client_session(),
            )
        return bool(updated.matched_count)

    def release(self, scope: str, attempt: str) -> None:
        """Delete the record, unless it is complete."""
        query = {"_id": scope, "attempt": attempt, "status": None}
        with translate_driver_errors():
            self._collection.delete_one(query, session=current_client_session())

    def delete_about(self, id: str) -> None:
        """Delete the stored responses about a resource, or about what belongs to a user."""
        with translate_driver_errors():
            self._collection.delete_many({"about": id}, session=current_client_session())

    @property
    def _collection(self) -> Any:
        return IdempotencyRecord._get_collection()


idempotency_records = IdempotencyDAO()
