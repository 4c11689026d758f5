"""Base classes of all MongoEngine documents."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, IntField


class BaseDocument(Document):
    """Indexes are built by `rollbook.storage.indexes` only.

    MongoEngine would build them at first use, and give up for good when MongoDB is unavailable
    then; without its index a unique field accepts duplicates. A stored field that this version does
    not know, such as one of a newer version, is ignored.
    """

    meta: ClassVar[dict[str, Any]] = {
        "abstract": True,
        "auto_create_index": False,
        "strict": False,
    }


class VersionedDocument(BaseDocument):
    """`version` counts the changes, from 1. Times are UTC with milliseconds."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    version = IntField(required=True, default=1, min_value=1)
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)
