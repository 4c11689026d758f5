"""How a lease is kept."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, StringField

from rollbook.kit.documents import BaseDocument


class Lease(BaseDocument):
    """Until then `holder`, one process of all that share the database, is the only one to do what `name` says."""

    meta: ClassVar[dict[str, Any]] = {"collection": "leases"}

    name = StringField(primary_key=True)
    holder = StringField(required=True)
    until = DateTimeField(required=True)
