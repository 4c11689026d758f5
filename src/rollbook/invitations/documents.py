"""How an invitation is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, ObjectIdField, StringField

from rollbook.storage.documents import BaseDocument


class Invitation(BaseDocument):
    """An address has one invitation. Its acceptance, or its end, deletes it.

    `invited_by` is the user who may grant `role`; without it, the command line did. `name` is a
    proposal.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "invitations",
        "indexes": [
            {"fields": ["email_key"], "name": "one_for_each_address", "unique": True},
            {"fields": ["created_at", "_id"], "name": "listed_by_created_at"},
            {"fields": ["invited_by"], "name": "by_inviter"},
            {"fields": ["expires_at"], "name": "expiry", "expireAfterSeconds": 0},
        ],
    }

    email = StringField(required=True)
    email_key = StringField(required=True)
    role = StringField(required=True)
    name = StringField()
    invited_by = ObjectIdField()
    created_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)

    @property
    def user_id(self) -> Any:
        """The user that a stored response about it belongs to; see `rollbook.idempotency`."""
        return self.invited_by
