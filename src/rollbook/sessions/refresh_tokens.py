"""Refresh tokens: opaque, with 256 random bits in each part.

A token is `<family>.<one>`. The first part stays the same for the life of the session, the second
is valid once. So a used token is recognized without a list of all used tokens (rotation, RFC 9700
§4.14.2).
"""

import hashlib
import secrets
from dataclasses import dataclass

BYTES = 32


@dataclass(frozen=True)
class TokenHashes:
    """SHA-256 in hex, of the family and of the whole token."""

    family: str
    token: str


def create_token(previous: str | None = None) -> str:
    """Create the first token of a family, or the one that follows `previous`."""
    family = previous.partition(".")[0] if previous else secrets.token_urlsafe(BYTES)
    return f"{family}.{secrets.token_urlsafe(BYTES)}"


def hash_token(token: str) -> TokenHashes:
    """Hash any text. A fast hash is enough: the 256 random bits of a token cannot be guessed."""
    return TokenHashes(_sha256(token.partition(".")[0]), _sha256(token))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
