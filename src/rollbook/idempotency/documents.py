"""How a request that carries an Idempotency-Key is kept."""

from typing import Any, ClassVar

from mongoengine import BinaryField, DateTimeField, DictField, IntField, StringField

from rollbook.kit.documents import BaseDocument


class KeptRequest(BaseDocument):
    """`scope`: a hash of who called, what, and the key; `body_mac`: of the body, which itself is not kept.

    `attempt` names who is at work on it, until `held_until`; `status` and what follows are there when it is done.
    `about`: the id of what the answer tells of.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "idempotency",
        "indexes": [
            {"fields": ["expires_at"], "name": "expiry", "expireAfterSeconds": 0},
            {"fields": ["about"], "name": "by_about", "sparse": True},
        ],
    }

    scope = StringField(primary_key=True)
    body_mac = StringField(required=True)
    attempt = StringField(required=True)
    held_until = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)
    status = IntField()
    headers = DictField()
    body = BinaryField()
    about = StringField()
