"""How a role is stored."""

from typing import Any, ClassVar

from mongoengine import IntField, ListField, StringField

from rollbook.storage.documents import VersionedDocument


class Role(VersionedDocument):
    """`holds` counts the transactions that locked the role, so that each of them writes."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "roles",
        "indexes": [{"fields": ["name"], "name": "uniq_name", "unique": True}],
    }

    name = StringField(required=True)
    description = StringField(default="")
    permissions = ListField(StringField())
    holds = IntField()
