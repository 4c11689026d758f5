"""How a signing key is stored."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, StringField

from rollbook.storage.documents import ObjectField, VersionedDocument


class SigningKey(VersionedDocument):
    """`public` is a JWK (RFC 7517), `sealed` the encrypted private key.

    `slot` is `active` for the key that signs, `next` for its successor, and unset for a retired
    key, which verifies tokens until `believed_until`.
    """

    meta: ClassVar[dict[str, Any]] = {
        "collection": "signing_keys",
        "indexes": [
            {"fields": ["kid"], "name": "uniq_kid", "unique": True},
            {
                "fields": ["slot"],
                "name": "uniq_slot",
                "unique": True,
                "partialFilterExpression": {"slot": {"$type": "string"}},
            },
        ],
    }

    kid = StringField(required=True)
    slot = StringField(choices=("active", "next"))
    public = ObjectField(required=True)
    sealed = StringField(required=True)
    believed_until = DateTimeField()
