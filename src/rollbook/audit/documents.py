"""How an entry of the record is kept."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, DictField, IntField, StringField

from rollbook.kit.documents import BaseDocument

OF_A_VERSION = {"version": {"$gt": 0}}


def _newest_first(*fields: str) -> dict[str, Any]:
    return {"fields": [*fields, "-at", "-_id"], "name": "_".join(["newest", *(f"by_{field}" for field in fields)])}


class AuditEntry(BaseDocument):
    """`changes`: field → {"before", "after"}, never a secret.

    Written once and never changed, but that a purge takes a user's personal values out: `redacted`.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "audit",
        "former_indexes": ("audit_by_target",),
        "indexes": [
            *map(_newest_first, ("target_id", "actor_id", "action")),
            _newest_first(),
            {
                "fields": ["target_id", "-version", "-_id"],
                "name": "history",
                "partialFilterExpression": OF_A_VERSION,
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
    changes = DictField()
    ip = StringField()
    user_agent = StringField()
    request_id = StringField()
    redacted = BooleanField()
