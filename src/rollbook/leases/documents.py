"""How a lease is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, StringField

from rollbook.storage.documents import BaseDocument


class Lease(BaseDocument):
    """Until `until`, only the process `holder` may do what `name` says."""

    is_transient = True
    meta: ClassVar[dict[str, Any]] = {"collection": "leases"}

    name = StringField(primary_key=True)
    holder = StringField(required=True)
    until = DateTimeField(required=True)
