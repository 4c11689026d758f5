"""How a user is kept."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, IntField, ListField, StringField

from rollbook.kit.documents import VersionedDocument


class User(VersionedDocument):
    """The `…_key` fields hold the one form of all spellings; their indexes are what makes users unique.

    `known_addresses`: the last few that the user signed in from.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "users",
        "indexes": [
            {"fields": ["email_key"], "name": "uniq_email", "unique": True},
            {
                "fields": ["username_key"],
                "name": "uniq_username",
                "unique": True,
                "partialFilterExpression": {"username_key": {"$type": "string"}},
            },
            {"fields": ["role", "is_active"], "name": "by_role"},
            {"fields": ["created_at", "_id"], "name": "by_created_at"},
            {"fields": ["updated_at", "_id"], "name": "by_updated_at"},
            {"fields": ["name_key", "_id"], "name": "by_name"},
            {"fields": ["email_key", "_id"], "name": "by_email"},
            {"fields": ["username_key", "_id"], "name": "by_username"},
            {"fields": ["last_login", "_id"], "name": "by_last_login"},
        ],
    }

    name = StringField(required=True)
    name_key = StringField(required=True)
    email = StringField(required=True)
    email_key = StringField(required=True)
    username = StringField()
    username_key = StringField()
    first_name = StringField()
    last_name = StringField()
    phone = StringField()
    password_hash = StringField(required=True)
    role = StringField(required=True, default="user")
    is_active = BooleanField(required=True, default=True)
    last_login = DateTimeField()
    known_addresses = ListField(StringField())
    logins = IntField()
