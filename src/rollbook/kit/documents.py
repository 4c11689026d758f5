"""What every document has."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, IntField


class BaseDocument(Document):
    """Indexes are built by `rollbook.kit.indexes`, never on the side.

    MongoEngine gives up for good when MongoDB is away at first use; without its index a unique field takes duplicates.
    A stored field that this version does not know, such as one of a newer version, is left alone.
    """

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "auto_create_index": False, "strict": False}


class VersionedDocument(BaseDocument):
    """`version` counts the changes, from 1. Times are UTC with milliseconds."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    version = IntField(required=True, default=1, min_value=1)
    created_at = DateTimeField(required=True)
    updated_at = DateTimeField(required=True)
