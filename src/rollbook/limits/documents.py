"""How a counter of a limit is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, StringField

from rollbook.storage.documents import BaseDocument


class LimitCounter(BaseDocument):
    """One limit of one address or account, until `expireAt`. The `limits` library names fields."""

    is_transient = True
    meta: ClassVar[dict[str, Any]] = {
        "collection": "limit_counters",
        "indexes": [{"fields": ["expireAt"], "name": "expiry", "expireAfterSeconds": 0}],
    }

    key = StringField(primary_key=True)
    count = IntField()
    expireAt = DateTimeField()  # noqa: N815 - the library's name
