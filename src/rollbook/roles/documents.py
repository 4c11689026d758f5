"""How a role is stored."""

from typing import Any, ClassVar

from mongoengine import IntField, ListField, StringField

from rollbook.storage.documents import ObjectField, VersionedDocument


class Role(VersionedDocument):
    """`limits`: `read` and `write` → a limit, which replaces RATELIMIT_READ and RATELIMIT_WRITE.

    `holds` counts the transactions that locked the role, so that each of them writes.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "roles",
        "indexes": [
            {"fields": ["name"], "name": "uniq_name", "unique": True},
            {"fields": ["permissions"], "name": "by_permission"},
        ],
    }

    name = StringField(required=True)
    description = StringField(default="")
    permissions = ListField(StringField())
    limits = ObjectField()
    holds = IntField()
