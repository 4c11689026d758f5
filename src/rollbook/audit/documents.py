"""How an entry of the audit log is stored."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, IntField, StringField

from rollbook.storage.documents import BaseDocument, ObjectField

HAS_VERSION = {"version": {"$gt": 0}}


def _build_index(*fields: str) -> dict[str, Any]:
    """Build an index for a list of entries with equal `fields`, the latest entry first."""
    name = "_".join(["newest", *(f"by_{field}" for field in fields)])
    return {"fields": [*fields, "-at", "-_id"], "name": name}


class AuditEntry(BaseDocument):
    """`changes`: field → {"before", "after"}, never a secret.

    An entry never changes, except that a purge removes a user's personal values and sets
    `redacted`.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "audit",
        "obsolete_indexes": ("audit_by_target",),
        "indexes": [
            _build_index("target_id"),
            _build_index("actor_id"),
            _build_index("action"),
            _build_index(),
            {
                "fields": ["target_id", "-version", "-_id"],
                "name": "history",
                "partialFilterExpression": HAS_VERSION,
            },
        ],
    }

    at = DateTimeField(required=True)
    action = StringField(required=True)
    actor_type = StringField(required=True)
    actor_id = StringField()
    target_type = StringField(required=True)
    target_id = StringField()
    version = IntField()
    changes = ObjectField()
    ip = StringField()
    user_agent = StringField()
    request_id = StringField()
    redacted = BooleanField()
