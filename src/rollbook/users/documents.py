"""How a user is kept."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, DictField, IntField, ListField, StringField

from rollbook.kit.documents import BaseDocument, VersionedDocument

LISTED_BY_ROLE = "listed_by_role"
PRESENT = {"is_deleted": False}

FORMER: tuple[str, ...] = ("uniq_email", "uniq_username", "by_role", "by_last_login")
FORMER += tuple(f"by_{key}" for key in ("created_at", "updated_at", "name", "email", "username"))


def listed_by(field: str) -> str:
    """The name of the index for a list in that order."""
    return f"listed_by_{field}"


def listed_by_of_role(field: str) -> str:
    """The same, for a list of those who have one role."""
    return LISTED_BY_ROLE if field == "created_at" else listed_by(field)


def _list_index(field: str) -> dict[str, Any]:
    """For a list in that order; of `is_deleted` and `is_active` there are two values each, which MongoDB merges."""
    return {"fields": ["is_deleted", "is_active", field, "_id", "role"], "name": listed_by(field)}


class User(VersionedDocument):
    """The `…_key` fields hold the one form of all spellings; their indexes are what makes users unique.

    `email_skeleton`: what all addresses that look like this one have in common. `known_addresses`: the last few that
    the user signed in from.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "users",
        "former_indexes": FORMER,
        "indexes": [
            {"fields": ["email_key"], "name": "one_email", "unique": True, "partialFilterExpression": PRESENT},
            {
                "fields": ["username_key"],
                "name": "one_username",
                "unique": True,
                "partialFilterExpression": {"username_key": {"$type": "string"}, **PRESENT},
            },
            *map(_list_index, ("created_at", "updated_at", "name_key", "email_key", "username_key", "last_login")),
            {"fields": ["role", "is_deleted", "is_active", "created_at", "_id"], "name": LISTED_BY_ROLE},
            {"fields": ["email_skeleton"], "name": "lookalikes", "partialFilterExpression": PRESENT},
            {"fields": ["deleted_at"], "name": "deleted", "partialFilterExpression": {"is_deleted": True}},
        ],
    }

    name = StringField(required=True)
    name_key = StringField(required=True)
    email = StringField(required=True)
    email_key = StringField(required=True)
    email_skeleton = StringField()
    username = StringField()
    username_key = StringField()
    first_name = StringField()
    last_name = StringField()
    phone = StringField()
    password_hash = StringField(required=True)
    role = StringField(required=True, default="user")
    is_active = BooleanField(required=True, default=True)
    is_deleted = BooleanField(required=True, default=False)
    deleted_at = DateTimeField()
    last_login = DateTimeField()
    known_addresses = ListField(StringField())
    logins = IntField()


class UserTally(BaseDocument):
    """How many users there are of each kind (role, active, deleted), in shards whose sum is the number.

    One document would be a queue that every new user stands in; see docs/decisions/008-the-directory.md.
    """

    meta: ClassVar[dict[str, Any]] = {"collection": "user_tallies"}

    shard = IntField(primary_key=True)
    counts = DictField(required=True)
