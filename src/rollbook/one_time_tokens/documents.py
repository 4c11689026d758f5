"""How a one-time token is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, ObjectIdField, StringField

from rollbook.storage.documents import BaseDocument

KEPT_SECONDS = 2 * 24 * 3600
"""An expired token is renewed when its message could not be sent in time."""


class OneTimeToken(BaseDocument):
    """A user has one token for each purpose and address; a new one replaces it.

    Its use deletes it. `user_id` may also be that of a registration or an invitation.
    `digest` is a keyed hash (HMAC-SHA-256, in hex): the token itself is only in
    the message, which went to `email`.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "one_time_tokens",
        "indexes": [
            {
                "fields": ["user_id", "purpose", "email_key"],
                "name": "one_for_each_purpose",
                "unique": True,
            },
            {"fields": ["digest"], "name": "found_by_digest"},
            {"fields": ["expires_at"], "name": "expiry", "expireAfterSeconds": KEPT_SECONDS},
        ],
    }

    user_id = ObjectIdField(required=True)
    purpose = StringField(required=True)
    digest = StringField(required=True)
    email = StringField(required=True)
    email_key = StringField(required=True)
    created_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)
