"""How a password is stored: bcrypt, with a tag that names the scheme."""

import base64
import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable

from flask_bcrypt import Bcrypt

SCHEME = "hmac-sha256+bcrypt"
_CONTEXT = b"rollbook password v1"
_STORED = re.compile(re.escape(SCHEME) + r"\$2b\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_SALT = "abcdefghijklmnopqrstuu"
_UNMATCHABLE = _SALT + "." * 31
"""A salt and a hash for which no password is known."""


def normalize_password(password: str) -> str:
    """Normalize to NFC, as RFC 8265 §4.2.2 (OpaqueString) requires.

    Keyboards compose characters differently.
    """
    return unicodedata.normalize("NFC", password)


class PasswordHasher:
    """bcrypt over an HMAC-SHA-256 of the password, so that all of the password counts.

    bcrypt alone reads 72 bytes and stops at NUL. The HMAC has a key of its own: a bare SHA-256,
    found in the leak of another site, could be tried against our hashes directly.
    """

    def __init__(self, rounds: int, run: Callable[[Callable[[], object]], object]) -> None:
        """Create a hasher.

        `rounds` is log2 of bcrypt's cost. `run` calls a function, perhaps in another thread.
        """
        self._rounds = rounds
        self._run = run
        self._bcrypt = Bcrypt()

    def hash(self, password: str) -> str:
        """Hash to `<scheme>$<bcrypt>` in ASCII. It takes about 200 ms at 12 rounds."""
        digest = _digest(password)
        made = self._run(lambda: self._bcrypt.generate_password_hash(digest, self._rounds))
        assert isinstance(made, bytes)  # noqa: S101 - for the type checker
        return f"{SCHEME}{made.decode('ascii')}"

    def verify(self, password: str, stored: str | None) -> bool:
        """Verify a password, in the time of the configured rounds.

        It takes that time also without a stored hash, for an unknown scheme, and for a hash of
        fewer rounds. A hash of more rounds takes longer.
        """
        digest = _digest(password)
        rounds = parse_rounds(stored)
        if stored is None or rounds is None:
            self._check(f"$2b${self._rounds:02d}${_UNMATCHABLE}", digest)
            return False
        verified = self._check(stored.removeprefix(SCHEME), digest)
        for missing in range(rounds, self._rounds):  # 2^r + 2^r + 2^(r+1) + ... + 2^(n-1) = 2^n
            self._check(f"$2b${missing:02d}${_UNMATCHABLE}", digest)
        return verified

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash has fewer rounds than are configured now."""
        rounds = parse_rounds(stored)
        return rounds is None or rounds < self._rounds

    def _check(self, bcrypt: str, digest: str) -> bool:
        return bool(self._run(lambda: self._bcrypt.check_password_hash(bcrypt, digest)))


def create_unknown_hash() -> str:
    """Create a hash for which no password is known, each time another one.

    A sign-in takes as long with it as with any hash of few rounds.
    """
    return f"{SCHEME}$2b$04${_SALT}{secrets.token_hex(16)[:31]}"


def parse_rounds(stored: str | None) -> int | None:
    """Parse the rounds, or return None for a value that is not a hash of this scheme."""
    match = _STORED.fullmatch(stored or "")
    return int(match[1]) if match else None


def _digest(password: str) -> str:
    """Digest the password to 44 ASCII characters, which bcrypt reads completely."""
    text = normalize_password(password).encode("utf-8")
    return base64.b64encode(hmac.digest(_CONTEXT, text, hashlib.sha256)).decode("ascii")
