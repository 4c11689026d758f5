"""How a session is kept."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, ObjectIdField, StringField

from rollbook.kit.documents import BaseDocument


class Session(BaseDocument):
    """A login that is alive; one that ended is gone. Of its tokens only hashes are kept (SHA-256, hex).

    `id`: 128 random bits in hex, so that knowing one session tells nothing of another. `family` is in every refresh
    token of the session, `current` only in the newest.
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
