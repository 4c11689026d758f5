"""How a registration is stored until its link is used."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, StringField

from rollbook.kit.clock import render_for_people
from rollbook.storage.documents import BaseDocument, ObjectField


class PendingRegistration(BaseDocument):
    """A user who does not exist yet; the id will be the user's. `fields` are those of the user.

    An address may have several, and an account besides: who registers must not notice. The one
    whose link is used first becomes the account, and the others are deleted.
    """

    is_transient = True
    meta: ClassVar[dict[str, Any]] = {
        "collection": "registrations",
        "indexes": [
            {"fields": ["email_key", "-created_at"], "name": "found_by_address"},
            {"fields": ["expires_at"], "name": "expiry", "expireAfterSeconds": 0},
        ],
    }

    email_key = StringField(required=True)
    fields = ObjectField(required=True)
    created_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)

    def describe(self) -> dict[str, str]:
        """Describe when and from where somebody registered."""
        (ip,) = self.fields.get("known_addresses") or ("",)
        return {"ip": ip, "at": render_for_people(self.created_at)}
