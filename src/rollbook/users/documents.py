"""How a user is stored."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, IntField, ListField, StringField

from rollbook.storage.documents import ObjectField, VersionedDocument
from rollbook.users.filters import PAIR_INDEX

ROLE_LIST_INDEX = "listed_by_role"
NOT_DELETED = {"is_deleted": False}

OBSOLETE_INDEXES: tuple[str, ...] = ("uniq_email", "uniq_username", "by_role", "by_last_login")
OBSOLETE_INDEXES += tuple(
    f"by_{key}" for key in ("created_at", "updated_at", "name", "email", "username")
)


def get_list_index(field: str) -> str:
    """Name the index for a list in the order of `field`."""
    return f"listed_by_{field}"


def get_role_list_index(field: str) -> str:
    """Name the index for a list of one role in the order of `field`."""
    return ROLE_LIST_INDEX if field == "created_at" else get_list_index(field)


def _build_list_index(field: str) -> dict[str, Any]:
    """Build the index for a list.

    `is_deleted` and `is_active` have two values each; MongoDB merges their ranges in order.
    """
    fields = ["is_deleted", "is_active", field, "_id", "role"]
    return {"fields": fields, "name": get_list_index(field)}


class User(VersionedDocument):
    """The `…_key` fields hold one form for all spellings. Their indexes make users unique.

    `words` and `word_pairs` are what `q` searches: see `rollbook.users.search`. `email_skeleton` is
    the same for all addresses that look alike. `pending_email` is the address that the user wants,
    until it is confirmed. `known_addresses` and `known_devices` are the last client keys and
    devices that the user signed in from.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "users",
        "obsolete_indexes": OBSOLETE_INDEXES,
        "indexes": [
            {
                "fields": ["email_key"],
                "name": "one_email",
                "unique": True,
                "partialFilterExpression": NOT_DELETED,
            },
            {
                "fields": ["username_key"],
                "name": "one_username",
                "unique": True,
                "partialFilterExpression": {"username_key": {"$type": "string"}, **NOT_DELETED},
            },
            {
                "fields": ["external_id"],
                "name": "one_external_id",
                "unique": True,
                "partialFilterExpression": {"external_id": {"$exists": True}, **NOT_DELETED},
            },
            {
                "fields": ["external_id", "is_deleted", "is_active"],
                "name": "found_by_external_id",
                "partialFilterExpression": {"external_id": {"$exists": True}},
            },
            _build_list_index("created_at"),
            _build_list_index("updated_at"),
            _build_list_index("name_key"),
            _build_list_index("email_key"),
            _build_list_index("username_key"),
            _build_list_index("last_login"),
            {
                "fields": ["email_verified", "is_deleted", "is_active", "created_at", "_id"],
                "name": "listed_by_verification",
            },
            {
                "fields": ["role", "is_deleted", "is_active", "created_at", "_id"],
                "name": ROLE_LIST_INDEX,
            },
            {
                "fields": ["email_skeleton"],
                "name": "lookalikes",
                "partialFilterExpression": NOT_DELETED,
            },
            {"fields": ["words", "is_deleted", "is_active"], "name": "found_by_word"},
            {"fields": ["word_pairs", "is_deleted", "is_active"], "name": PAIR_INDEX},
            {
                "fields": ["deleted_at"],
                "name": "deleted",
                "partialFilterExpression": {"is_deleted": True},
            },
        ],
    }

    name = StringField(required=True)
    name_key = StringField(required=True)
    email = StringField(required=True)
    email_key = StringField(required=True)
    email_skeleton = StringField()
    email_verified = BooleanField(default=False)
    email_verified_at = DateTimeField()
    pending_email = StringField()
    username = StringField()
    username_key = StringField()
    first_name = StringField()
    last_name = StringField()
    phone = StringField()
    locale = StringField()
    external_id = StringField()
    password_hash = StringField(required=True)
    role = StringField(required=True, default="user")
    is_active = BooleanField(required=True, default=True)
    is_deleted = BooleanField(required=True, default=False)
    deleted_at = DateTimeField()
    last_login = DateTimeField()
    known_addresses = ListField(StringField())
    known_devices = ListField(StringField())
    logins = IntField()
    metadata = ObjectField()
    app_metadata = ObjectField()
    private_metadata = ObjectField()
    words = ListField(StringField())
    word_pairs = ListField(StringField())
