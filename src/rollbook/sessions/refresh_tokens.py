"""Refresh tokens: opaque, with 256 bits in each part.

A token is `<family>.<one>`. The first part stays the same for the life of the session, the second
is valid once. So a used token is recognized without a list of all used tokens (rotation, RFC 9700
§4.14.2).

The first token of a session is random. Each further one is derived from its predecessor with a
secret key, so that two requests with the same token get the same successor, of which only the hash
is stored.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

BYTES = 32


@dataclass(frozen=True)
class TokenHashes:
    """SHA-256 in hex, of the family and of the whole token."""

    family: str
    token: str


def create_token() -> str:
    """Create the first token of a family."""
    return f"{secrets.token_urlsafe(BYTES)}.{secrets.token_urlsafe(BYTES)}"


def derive_successor(token: str, key: bytes) -> str:
    """Derive the token that follows `token`. Nobody can do that without `key`."""
    digest = hmac.digest(key, token.encode("utf-8"), hashlib.sha256)
    one = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
    return f"{token.partition('.')[0]}.{one}"


def hash_token(token: str) -> TokenHashes:
    """Hash any text. A fast hash is enough: the 256 random bits of a token cannot be guessed."""
    return TokenHashes(_sha256(token.partition(".")[0]), _sha256(token))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
