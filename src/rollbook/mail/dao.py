"""The only file that queries stored messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.mail.documents import OutboxMessage
from rollbook.mail.errors import MessageNotFound
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors

WAITING, SENT, FAILED = "waiting", "sent", "failed"


class OutboxDAO(BaseDAO[OutboxMessage]):
    document = OutboxMessage
    not_found = MessageNotFound

    def find_oldest_due(self, at: datetime) -> datetime | None:
        """Find since when the message that has waited for the longest time is due."""
        with translate_driver_errors():
            row = self._collection.find_one(
                _due(at), {"due_at": True}, sort=[("due_at", 1)], session=current_client_session()
            )
        return row["due_at"] if row else None

    def claim(self, at: datetime, *, until: datetime) -> OutboxMessage | None:
        """Claim a message that is due, in one atomic write: nobody else gets it before `until`."""
        with translate_driver_errors():
            row = self._collection.find_one_and_update(
                _due(at),
                {"$set": {"due_at": until}, "$inc": {"attempts": 1}},
                sort=[("due_at", 1)],
                return_document=ReturnDocument.AFTER,
                session=current_client_session(),
            )
        return None if row is None else self.to_document(row)

    def set_fields(self, message: OutboxMessage, fields: Mapping[str, Any]) -> bool:
        """Set `fields`, unless somebody else has claimed the message. None removes a field."""
        claimed = {"_id": message.pk, "state": WAITING, "attempts": message.attempts}
        with translate_driver_errors():
            updated = self._collection.update_one(
                claimed, _build_update(fields), session=current_client_session()
            )
        return bool(updated.matched_count)

    def postpone_due(self, at: datetime, *, until: datetime) -> None:
        """Let all messages that are due wait until `until`."""
        with translate_driver_errors():
            self._collection.update_many(
                _due(at), {"$set": {"due_at": until}}, session=current_client_session()
            )

    def retry(self, id: ObjectId, fields: Mapping[str, Any]) -> OutboxMessage:
        """Let a failed message wait again, with new `fields`. Raises: MessageNotFound."""
        with translate_driver_errors():
            row = self._collection.find_one_and_update(
                {"_id": id, "state": FAILED},
                _build_update({**fields, "state": WAITING, "attempts": 0}),
                return_document=ReturnDocument.AFTER,
                session=current_client_session(),
            )
        if row is None:
            raise MessageNotFound()
        return self.to_document(row)

    def drop(self, message: OutboxMessage) -> None:
        """Delete a message, unless it is deleted already."""
        with translate_driver_errors():
            self._collection.delete_one({"_id": message.pk}, session=current_client_session())

    def list_waiting_addresses(self, user_id: ObjectId, *kinds: str) -> set[str]:
        """List where the messages of a user go that wait, of these kinds."""
        query = {"user_id": user_id, "kind": {"$in": kinds}, "state": WAITING}
        with translate_driver_errors():
            rows = self._collection.find(query, {"email": 1}, session=current_client_session())
            return {row["email"] for row in rows if "email" in row}

    def delete_of_user(self, user_id: ObjectId) -> None:
        with translate_driver_errors():
            self._collection.delete_many({"user_id": user_id}, session=current_client_session())

    def delete_requests_to(self, email: str, *kinds: str) -> None:
        """Delete the messages that were asked for by an address; of these kinds, or of all."""
        query: dict[str, Any] = {"email": {"$eq": email}, "user_id": None}
        if kinds:
            query["kind"] = {"$in": kinds}
        with translate_driver_errors():
            self._collection.delete_many(query, session=current_client_session())

    def delete_waiting(self, user_id: ObjectId, *kinds: str) -> None:
        """Delete the messages that wait, of these kinds."""
        query = {"user_id": user_id, "kind": {"$in": kinds}, "state": WAITING}
        with translate_driver_errors():
            self._collection.delete_many(query, session=current_client_session())


def _build_update(fields: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {name: value for name, value in fields.items() if value is not None}
    update = {"$set": wanted, "$unset": dict.fromkeys(fields.keys() - wanted.keys(), "")}
    return {operator: part for operator, part in update.items() if part}


def _due(at: datetime) -> dict[str, Any]:
    return {"state": WAITING, "due_at": {"$lte": at}}


outbox = OutboxDAO()
