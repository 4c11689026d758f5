"""How an entry of the record is kept."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, IntField, StringField

from rollbook.kit.documents import BaseDocument


class AuditEntry(BaseDocument):
    """Written once and never changed. `changes`: field → {"before", "after"}, never a secret."""

    meta: ClassVar[dict[str, Any]] = {
        "collection": "audit",
        "indexes": [{"fields": ["target_id", "-at"], "name": "audit_by_target"}],
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
