"""How a signing key is kept."""

from typing import Any, ClassVar

from mongoengine import DateTimeField, DictField, StringField

from rollbook.kit.documents import VersionedDocument


class SigningKey(VersionedDocument):
    """`public`: a JWK (RFC 7517); `sealed`: the private one, encrypted; `slot`: active, next, or unset: retired."""

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
    public = DictField(required=True)
    sealed = StringField(required=True)
    believed_until = DateTimeField()
