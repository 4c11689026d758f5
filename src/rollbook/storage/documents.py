"""Base classes of all MongoEngine documents."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, Document, IntField
from mongoengine.base import BaseField


class ObjectField(BaseField):
    """A JSON object as it is.

    MongoEngine's DictField would turn members with `_cls` or `_ref`, which a client may send, into
    documents and references.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(default=dict, **options)

    def validate(self, value: Any, clean: bool = True) -> None:  # noqa: ARG002 - of BaseField
        if not isinstance(value, dict):
            self.error("Not an object.")


class BaseDocument(Document):
    """Indexes are built by `rollbook.storage.indexes` only.

    MongoEngine would build them at first use, and give up for good when MongoDB is unavailable
    then; without its index a unique field accepts duplicates. A stored field that this version does
    not know, such as one of a newer version, is ignored.

    What `is_transient` is in no backup. It is worthless after a minute, or must not be repeated.
    """

    is_transient: ClassVar[bool] = False

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
