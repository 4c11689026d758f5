"""How a message is stored until it is sent."""

from typing import Any, ClassVar

from mongoengine import BooleanField, DateTimeField, IntField, ObjectIdField, StringField

from rollbook.storage.documents import BaseDocument, ObjectField


class OutboxMessage(BaseDocument):
    """What to tell whom. The text is written when the message is sent.

    `state` is waiting, until `due_at`; sent or failed. `user_id` or `email` says who gets it: the
    sender looks for the account with that address, so that a request takes the same time without
    one. The token of its link is derived from `nonce`; `is_issued`: it is stored, and may be in a
    mailbox already. `origin` is where the request came from, until the message is sent.

    A message that waits never expires, since MongoDB would delete it by its own clock, which may be
    wrong.

    It is in no backup: a copy of the database, as for a test, must not write to people.
    """

    is_transient = True
    meta: ClassVar[dict[str, Any]] = {
        "collection": "mail",
        "indexes": [
            {
                "fields": ["due_at"],
                "name": "due",
                "partialFilterExpression": {"state": "waiting"},
            },
            {"fields": ["created_at", "_id"], "name": "listed_by_created_at"},
            {"fields": ["user_id"], "name": "by_user"},
            {"fields": ["expires_at"], "name": "expiry", "expireAfterSeconds": 0},
        ],
    }

    kind = StringField(required=True)
    state = StringField(required=True, default="waiting")
    user_id = ObjectIdField()
    email = StringField()
    language = StringField(required=True)
    nonce = StringField(required=True)
    is_issued = BooleanField()
    message_id = StringField(required=True)
    created_at = DateTimeField(required=True)
    due_at = DateTimeField()
    attempts = IntField(required=True, default=0)
    reason = StringField()
    finished_at = DateTimeField()
    expires_at = DateTimeField()
    origin = ObjectField()
