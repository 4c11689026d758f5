"""The only file that queries signing keys."""

from datetime import datetime
from typing import ClassVar

from rollbook.signing.documents import SigningKey
from rollbook.signing.errors import KeySlotTaken
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors


class SigningKeyDAO(BaseDAO[SigningKey]):
    document = SigningKey
    unique_errors: ClassVar = {"slot": KeySlotTaken}

    def list_all(self) -> list[SigningKey]:
        """List all keys, the latest first."""
        latest_first = [("created_at", -1), ("_id", -1)]
        with translate_driver_errors():
            found = self._collection.find({}, session=current_client_session())
            return [self.to_document(row) for row in found.sort(latest_first)]

    def delete_expired(self, time: datetime) -> None:
        """Delete the keys whose last token has expired."""
        query = {"believed_until": {"$lt": time}}
        with translate_driver_errors():
            self._collection.delete_many(query, session=current_client_session())


signing_keys = SigningKeyDAO()
