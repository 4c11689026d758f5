"""How a migration that ran is kept."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, StringField

from rollbook.kit.documents import BaseDocument


class AppliedMigration(BaseDocument):
    """`checksum`: SHA-256 of the code that ran, in hex. `changed`: how many documents it changed."""

    meta: ClassVar[dict[str, Any]] = {"collection": "migrations"}

    number = IntField(primary_key=True)
    title = StringField(required=True)
    checksum = StringField(required=True)
    started_at = DateTimeField(required=True)
    finished_at = DateTimeField(required=True)
    duration_ms = IntField(required=True)
    changed = IntField(required=True)
