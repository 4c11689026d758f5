"""How a role is kept."""

from typing import Any, ClassVar

from mongoengine import IntField, ListField, StringField

from rollbook.kit.documents import VersionedDocument


class Role(VersionedDocument):
    """`holds` counts the transactions that took hold of the role, so that no two of them commit side by side."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "roles",
        "indexes": [{"fields": ["name"], "name": "uniq_name", "unique": True}],
    }

    name = StringField(required=True)
    description = StringField(default="")
    permissions = ListField(StringField())
    holds = IntField()
