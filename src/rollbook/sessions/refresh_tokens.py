"""Refresh tokens: opaque, 256 random bits each, and known for one of a family even after use.

A token is `<family>.<one>`: the first part stays for as long as the session lives, the second is good once. So a used
token is told from a made-up one without a list of all that ever were (RFC 9700 §4.14.2, rotation).
"""

import hashlib
import secrets
from dataclasses import dataclass

BYTES = 32


@dataclass(frozen=True)
class Hashes:
    """SHA-256 in hex, of the family and of the token as a whole."""

    family: str
    token: str


def new(token: str | None = None) -> str:
    """The first of a family, or one to follow `token`."""
    family = token.partition(".")[0] if token else secrets.token_urlsafe(BYTES)
    return f"{family}.{secrets.token_urlsafe(BYTES)}"


def hashes(token: str) -> Hashes:
    """Of anything, a refresh token or not. A fast hash is enough: 256 random bits cannot be guessed."""
    return Hashes(_sha256(token.partition(".")[0]), _sha256(token))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
