"""How a session is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, ObjectIdField, StringField

from rollbook.storage.documents import BaseDocument


class Session(BaseDocument):
    """A sign-in that has not ended; an ended session is deleted.

    `id` is 128 random bits in hex, so an id reveals no other id. `family` and `current` are
    SHA-256 hashes in hex: `family` of the part that all refresh tokens of the session share,
    `current` of the latest token.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "sessions",
        "indexes": [
            {"fields": ["family"], "name": "uniq_family", "unique": True},
            {"fields": ["user_id", "-created_at", "-_id"], "name": "by_user"},
            {"fields": ["expires_at"], "name": "expiry", "expireAfterSeconds": 0},
        ],
    }

    id = StringField(primary_key=True, min_length=32, max_length=32)
    user_id = ObjectIdField(required=True)
    family = StringField(required=True)
    current = StringField(required=True)
    created_at = DateTimeField(required=True)
    last_used_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)
    ip = StringField()
    user_agent = StringField()
