"""How a lock is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, StringField

from rollbook.kit.documents import BaseDocument

EXPIRE_SECONDS = 3600
"""A shard matters only while a transaction that wrote it is open."""


class LockShard(BaseDocument):
    """One of the shards of a lock: `key` is `<name>/<number>`.

    `uses` counts the transactions that took it, so that every one of them writes. Until `closed_until` only whoever
    takes the lock exclusively may have it.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "locks",
        "indexes": [{"fields": ["used_at"], "name": "expiry", "expireAfterSeconds": EXPIRE_SECONDS}],
    }

    key = StringField(primary_key=True)
    uses = IntField()
    used_at = DateTimeField()
    closed_until = DateTimeField()
