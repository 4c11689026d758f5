"""Issue and use one-time tokens: 256 bits that only their owner gets, in a message."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta

from bson import ObjectId

from rollbook.kit.clock import Clock
from rollbook.kit.key_derivation import derive_key
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.one_time_tokens.documents import OneTimeToken
from rollbook.one_time_tokens.errors import InvalidOneTimeToken

CREATION_PURPOSE = "rollbook one-time tokens v1"
STORAGE_PURPOSE = "rollbook one-time token hashes v1"


@dataclass(frozen=True)
class Address:
    """An address as it was typed, and the form that all its spellings share."""

    email: str
    key: str


@dataclass(frozen=True)
class OneTimeTokenService:
    """`secret` is SECRET_KEY: without it, the database is not enough to use a link."""

    clock: Clock
    secret: str

    def issue(
        self, nonce: str, user_id: ObjectId, purpose: str, *, address: Address, lifetime: timedelta
    ) -> str:
        """Issue the token that belongs to `nonce`. It replaces the last one for that address.

        The token is derived from the nonce, so that a message that has to be sent again has the
        same link, although the token is not stored.
        """
        token, now = self._derive(nonce), self.clock()
        one_time_tokens.put(
            OneTimeToken(
                user_id=user_id,
                purpose=purpose,
                digest=self._hash(token),
                email=address.email,
                email_key=address.key,
                created_at=now,
                expires_at=now + lifetime,
            )
        )
        return token

    def renew(
        self, nonce: str, user_id: ObjectId, *, address: Address, lifetime: timedelta
    ) -> str | None:
        """Let a token live for another `lifetime`. None when it was used or replaced."""
        token = self._derive(nonce)
        until = self.clock() + lifetime
        is_live = one_time_tokens.extend(user_id, address.key, self._hash(token), until)
        return token if is_live else None

    def find(self, token: str, purpose: str) -> OneTimeToken:
        """Find a token, and leave it alive. Raises: InvalidOneTimeToken."""
        found = one_time_tokens.find_live(self._hash(token), purpose, at=self.clock())
        if found is None:
            raise InvalidOneTimeToken()
        return found

    def take(self, token: str, purpose: str) -> OneTimeToken:
        """Use a token up. Call it inside the transaction of what it allows.

        Raises: InvalidOneTimeToken, also when another request has used it.
        """
        taken = one_time_tokens.take(self._hash(token), purpose, at=self.clock())
        if taken is None:
            raise InvalidOneTimeToken()
        return taken

    def _derive(self, nonce: str) -> str:
        digest = hmac.digest(
            derive_key(self.secret, CREATION_PURPOSE), nonce.encode("utf-8"), hashlib.sha256
        )
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def _hash(self, token: str) -> str:
        key = derive_key(self.secret, STORAGE_PURPOSE)
        return hmac.new(key, token.encode("utf-8"), hashlib.sha256).hexdigest()
