"""The only file that queries invitations."""

from datetime import datetime
from typing import ClassVar

from bson import ObjectId

from rollbook.invitations.documents import Invitation
from rollbook.invitations.errors import AlreadyInvited, InvitationNotFound
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors


class InvitationDAO(BaseDAO[Invitation]):
    document = Invitation
    not_found = InvitationNotFound
    unique_errors: ClassVar = {"email_key": AlreadyInvited}

    def list_pending(self, request: PageRequest, *, at: datetime) -> Page[Row]:
        return self.list_page(request, {"expires_at": {"$gt": at}})

    def find_pending(self, field: str, value: ObjectId | str, *, at: datetime) -> Invitation | None:
        """Find an invitation that has not expired, by a unique field."""
        found = self.find(field, value)
        return found if found and found.expires_at > at else None

    def get_pending(self, id: str, *, at: datetime) -> Invitation:
        """Return an invitation that has not expired. Raises: InvitationNotFound."""
        found = self.find_pending("_id", ObjectId(id), at=at) if ObjectId.is_valid(id) else None
        if found is None:
            raise InvitationNotFound()
        return found

    def extend(self, id: ObjectId, *, until: datetime) -> None:
        """Let an invitation live until `until`."""
        with translate_driver_errors():
            self._collection.update_one(
                {"_id": id}, {"$set": {"expires_at": until}}, session=current_client_session()
            )

    def delete_expired(self, email_key: str, *, at: datetime) -> None:
        """Delete the expired invitation of an address, before MongoDB does."""
        query = {"email_key": email_key, "expires_at": {"$lte": at}}
        with translate_driver_errors():
            self._collection.delete_one(query, session=current_client_session())

    def set_inviter(self, id: ObjectId, user_id: ObjectId | None) -> None:
        update = {"$set": {"invited_by": user_id}} if user_id else {"$unset": {"invited_by": ""}}
        with translate_driver_errors():
            self._collection.update_one({"_id": id}, update, session=current_client_session())

    def delete_about(self, user_id: ObjectId, email_key: str | None) -> list[Invitation]:
        """Delete the invitations by a user, and the one to their address. Return them."""
        query = {"$or": [{"invited_by": user_id}, {"email_key": email_key}]}
        session = current_client_session()
        with translate_driver_errors():
            found = [self.to_document(row) for row in self._collection.find(query, session=session)]
            ids = [invitation.pk for invitation in found]
            self._collection.delete_many({"_id": {"$in": ids}}, session=session)
        return found


invitations = InvitationDAO()
