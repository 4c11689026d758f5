"""How leases of caches, and barriers, are stored."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, ListField, ObjectIdField, StringField

from rollbook.storage.documents import BaseDocument

EXPIRE_SECONDS = 3600
"""A barrier matters only until its change has been answered."""


class CacheLease(BaseDocument):
    """The cache of a worker may be used while its lease is renewed. An evicted one never is again.

    `id` is random. A lease that is not stored belongs to no cache that is in use.
    """

    is_transient = True
    meta: ClassVar[dict[str, Any]] = {"collection": "cache_leases"}

    id = StringField(primary_key=True)
    renewed_at = DateTimeField(required=True)
    is_evicted = BooleanField(required=True, default=False)


class CacheBarrier(BaseDocument):
    """Stored by a change that caches must not miss. `applied_by`: the leases of those that know.

    It is the last write of its transaction, so change streams return it after all others.
    """

    is_transient = True
    meta: ClassVar[dict[str, Any]] = {
        "collection": "cache_barriers",
        "indexes": [
            {"fields": ["created_at"], "name": "expiry", "expireAfterSeconds": EXPIRE_SECONDS}
        ],
    }

    id = ObjectIdField(primary_key=True)
    created_at = DateTimeField(required=True)
    applied_by = ListField(StringField())
