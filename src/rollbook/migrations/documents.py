"""How an applied migration is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, IntField, StringField

from rollbook.storage.documents import BaseDocument


class AppliedMigration(BaseDocument):
    """`checksum` is the SHA-256 of its code in hex, `changed` the number of changed documents."""

    meta: ClassVar[dict[str, Any]] = {"collection": "migrations"}

    number = IntField(primary_key=True)
    title = StringField(required=True)
    checksum = StringField(required=True)
    started_at = DateTimeField(required=True)
    finished_at = DateTimeField(required=True)
    duration_ms = IntField(required=True)
    changed = IntField(required=True)
