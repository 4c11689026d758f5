"""The only file that queries users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.kit.dao import BaseDAO
from rollbook.kit.transactions import current_session, reaching
from rollbook.users.documents import User
from rollbook.users.errors import EmailTaken, UsernameTaken, UserNotFound
from rollbook.users.references import Reference


@dataclass(frozen=True)
class Credentials:
    """What a sign-in is decided by."""

    id: ObjectId
    password_hash: str
    is_active: bool
    known_addresses: Sequence[str]


class UserDAO(BaseDAO[User]):
    document = User
    missing = UserNotFound
    taken: ClassVar = {"email_key": EmailTaken, "username_key": UsernameTaken}
    unlisted = ("password_hash", "known_addresses")

    def find_credentials(self, reference: Reference) -> Credentials | None:
        """Without making a document of it, which would take time that tells of a user."""
        fields = dict.fromkeys(("password_hash", "is_active", "known_addresses"), True)
        with reaching():
            row = self._collection.find_one(
                {reference.field: {"$eq": reference.value}}, fields, session=current_session()
            )
        return row and Credentials(row["_id"], row["password_hash"], row["is_active"], row.get("known_addresses", ()))

    def get_by(self, reference: Reference) -> User:
        """Raises: UserNotFound."""
        user = self.find(reference.field, reference.value)
        if user is None:
            raise UserNotFound()
        return user

    def has_role(self, role: str) -> bool:
        """Does anyone have it?"""
        return self._any({"role": role})

    def is_active_with(self, role: str, *, besides: ObjectId | None = None) -> bool:
        """Is anyone `besides` active and has it?"""
        return self._any({"role": role, "is_active": True, "_id": {"$ne": besides}})

    def note_login(self, known: Credentials, *, at: datetime, fields: Mapping[str, Any]) -> User | None:
        """In one atomic write, if the user is active still and has the password that was looked at; else None.

        A sign-in is no change of the user: the version stays. It counts, so that it always writes: of two in one
        millisecond the second would write nothing, and a disabling at that instant would not have to wait for it.
        """
        with reaching():
            noted = self._collection.find_one_and_update(
                {"_id": known.id, "is_active": True, "password_hash": known.password_hash},
                {"$set": {"last_login": at, **fields}, "$inc": {"logins": 1}},
                return_document=ReturnDocument.AFTER,
                session=current_session(),
            )
        return None if noted is None else self._document(noted)

    def _any(self, query: Mapping[str, Any]) -> bool:
        with reaching():
            return self._collection.find_one(query, {"_id": True}, session=current_session()) is not None


users = UserDAO()
