"""How a permission of one's own is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, StringField

from rollbook.storage.documents import BaseDocument


class OwnPermission(BaseDocument):
    """`holds` counts the transactions that gave it to a role, so that each of them writes."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "permissions",
        "indexes": [{"fields": ["name"], "name": "uniq_name", "unique": True}],
    }

    name = StringField(required=True)
    description = StringField(default="")
    created_at = DateTimeField(required=True)
    holds = IntField()
