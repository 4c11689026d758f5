"""How a lock is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, StringField

from rollbook.storage.documents import BaseDocument

EXPIRE_SECONDS = 3600
"""A shard matters only while a transaction that wrote it is open."""


class LockShard(BaseDocument):
    """A shard of a lock. `key` is `<name>/<number>`.

    `uses` counts the transactions that held it, so that each of them writes. Until `closed_until`
    only an exclusive lock is granted.
    """

    is_transient = True
    meta: ClassVar[dict[str, Any]] = {
        "collection": "locks",
        "indexes": [
            {"fields": ["used_at"], "name": "expiry", "expireAfterSeconds": EXPIRE_SECONDS}
        ],
    }

    key = StringField(primary_key=True)
    uses = IntField()
    used_at = DateTimeField()
    closed_until = DateTimeField()
