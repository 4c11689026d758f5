"""The only file that queries one-time tokens."""

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from rollbook.one_time_tokens.documents import OneTimeToken
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors

EVER = datetime(1970, 1, 1, tzinfo=UTC)


class OneTimeTokenDAO(BaseDAO[OneTimeToken]):
    document = OneTimeToken

    def put(self, new: OneTimeToken) -> None:
        """Store a token in place of the one with the same user, purpose and address."""
        new.validate()
        row = new.to_mongo().to_dict()
        with translate_driver_errors():
            self._collection.replace_one(
                {"user_id": new.user_id, "purpose": new.purpose, "email_key": new.email_key},
                row,
                upsert=True,
                session=current_client_session(),
            )

    def extend(self, user_id: ObjectId, email_key: str, digest: str, until: datetime) -> bool:
        """Let a token live until `until`. False when it was used or replaced."""
        query = {"user_id": user_id, "email_key": email_key, "digest": digest}
        with translate_driver_errors():
            updated = self._collection.update_one(
                query, {"$set": {"expires_at": until}}, session=current_client_session()
            )
        return bool(updated.matched_count)

    def find_live(self, digest: str, purpose: str, *, at: datetime) -> OneTimeToken | None:
        with translate_driver_errors():
            row = self._collection.find_one(
                _match_live(digest, purpose, at), session=current_client_session()
            )
        return None if row is None else self.to_document(row)

    def take(self, digest: str, purpose: str, *, at: datetime) -> OneTimeToken | None:
        """Delete a live token in one atomic write. None when there is none: it was used before."""
        with translate_driver_errors():
            row = self._collection.find_one_and_delete(
                _match_live(digest, purpose, at), session=current_client_session()
            )
        return None if row is None else self.to_document(row)

    def list_addresses(self, user_id: ObjectId, purpose: str, *, at: datetime) -> set[str]:
        """List the addresses that have a live link of a user."""
        query = {"user_id": user_id, "purpose": purpose, "expires_at": {"$gt": at}}
        with translate_driver_errors():
            rows = self._collection.find(query, {"email": 1}, session=current_client_session())
            return {row["email"] for row in rows}

    def delete_of_purpose(self, user_id: ObjectId, purpose: str) -> None:
        query = {"user_id": user_id, "purpose": purpose}
        with translate_driver_errors():
            self._collection.delete_many(query, session=current_client_session())

    def delete_of_user(self, user_id: ObjectId, *, since: datetime = EVER) -> None:
        """Delete the tokens of a user that were issued at `since` or later."""
        query = {"user_id": user_id, "created_at": {"$gte": since}}
        with translate_driver_errors():
            self._collection.delete_many(query, session=current_client_session())


def _match_live(digest: str, purpose: str, at: datetime) -> dict[str, Any]:
    return {"digest": digest, "purpose": purpose, "expires_at": {"$gt": at}}


one_time_tokens = OneTimeTokenDAO()
