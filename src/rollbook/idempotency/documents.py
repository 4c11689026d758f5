"""How a request with an Idempotency-Key is stored."""

from typing import Any, ClassVar

from mongoengine import BinaryField, DateTimeField, IntField, StringField

from rollbook.storage.documents import BaseDocument, ObjectField


class IdempotencyRecord(BaseDocument):
    """`scope` is a hash of the caller, the operation and the key; `body_mac` one of the body.

    `attempt` identifies the request that is under way until `held_until`. `status`, `headers`,
    `body` and `about`, the id of the resource in the response, are set when it is complete.
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
    headers = ObjectField()
    body = BinaryField()
    about = StringField()
