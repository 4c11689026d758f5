"""How tallies are stored."""

from typing import Any, ClassVar

from mongoengine import IntField

from rollbook.storage.documents import BaseDocument, ObjectField


class UserTally(BaseDocument):
    """A shard of the numbers of users of each kind. The sum of the shards is the number.

    A single document would make every new user wait for the one before; see
    docs/decisions/008-the-directory.md.
    """

    meta: ClassVar[dict[str, Any]] = {"collection": "user_tallies"}

    shard = IntField(primary_key=True)
    counts = ObjectField(required=True)
