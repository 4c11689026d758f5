"""The only file that queries signing keys."""

from datetime import datetime
from typing import ClassVar

from rollbook.kit.dao import BaseDAO
from rollbook.kit.transactions import current_session, reaching
from rollbook.signing.documents import SigningKey
from rollbook.signing.errors import KeySlotTaken


class SigningKeyDAO(BaseDAO[SigningKey]):
    document = SigningKey
    taken: ClassVar = {"slot": KeySlotTaken}

    def all(self) -> list[SigningKey]:
        """The newest first."""
        with reaching():
            found = self._collection.find({}, session=current_session()).sort([("created_at", -1), ("_id", -1)])
            return [self._document(row) for row in found]

    def remove_expired(self, moment: datetime) -> None:
        """Those that are believed no more."""
        with reaching():
            self._collection.delete_many({"believed_until": {"$lt": moment}}, session=current_session())


signing_keys = SigningKeyDAO()
