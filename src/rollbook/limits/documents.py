"""How attempts are counted."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, StringField

from rollbook.kit.documents import BaseDocument


class LimitCounter(BaseDocument):
    """One limit of one address or account, until `expireAt`; the names are those of the `limits` library."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "limit_counters",
        "indexes": [{"fields": ["expireAt"], "name": "expiry", "expireAfterSeconds": 0}],
    }

    key = StringField(primary_key=True)
    count = IntField()
    expireAt = DateTimeField()  # noqa: N815 - the library's name
