"""The only file that queries pending registrations."""

from datetime import datetime

from bson import ObjectId

from rollbook.registrations.documents import PendingRegistration
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors


class PendingRegistrationDAO(BaseDAO[PendingRegistration]):
    document = PendingRegistration

    def find_live(self, id: ObjectId, *, at: datetime) -> PendingRegistration | None:
        """Find a registration that has not expired."""
        found = self.find("_id", id)
        return found if found and found.expires_at > at else None

    def find_latest(self, email_key: str, *, at: datetime) -> PendingRegistration | None:
        """Find the latest registration of an address that has not expired."""
        query = {"email_key": {"$eq": email_key}, "expires_at": {"$gt": at}}
        with translate_driver_errors():
            row = self._collection.find_one(
                query, sort=[("created_at", -1)], session=current_client_session()
            )
        return None if row is None else self.to_document(row)

    def extend(self, id: ObjectId, *, until: datetime) -> None:
        """Let a registration live until `until`."""
        with translate_driver_errors():
            self._collection.update_one(
                {"_id": id}, {"$set": {"expires_at": until}}, session=current_client_session()
            )

    def delete_of_address(self, email_key: str) -> list[ObjectId]:
        """Delete all registrations of an address, and return their ids."""
        query = {"email_key": {"$eq": email_key}}
        session = current_client_session()
        with translate_driver_errors():
            ids = [row["_id"] for row in self._collection.find(query, {"_id": 1}, session=session)]
            self._collection.delete_many({"_id": {"$in": ids}}, session=session)
        return ids


pending_registrations = PendingRegistrationDAO()
