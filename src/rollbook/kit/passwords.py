"""How a password is kept: bcrypt, with a tag that names the scheme."""

import base64
import hashlib
import hmac
import unicodedata

from flask_bcrypt import Bcrypt

SCHEME = "hmac-sha256+bcrypt"
_CONTEXT = b"rollbook password v1"


def normalized(password: str) -> str:
    """One form for the ways a keyboard may compose it: NFC, as RFC 8265 §4.2.2 (OpaqueString) asks."""
    return unicodedata.normalize("NFC", password)


class PasswordHasher:
    """bcrypt over an HMAC-SHA-256 of the password, so that all of it counts.

    bcrypt reads 72 bytes and stops at NUL. The HMAC is keyed with this purpose, not left bare: a bare SHA-256 found in
    another site's leak could be tried against our hashes as it is.
    """

    def __init__(self, rounds: int) -> None:
        """`rounds`: log2 of bcrypt's cost."""
        self._rounds = rounds
        self._bcrypt = Bcrypt()

    def hash(self, password: str) -> str:
        """`<scheme>$<bcrypt>`, ASCII. Takes some 200 ms at 12 rounds; call it outside a transaction."""
        return f"{SCHEME}{self._bcrypt.generate_password_hash(_digest(password), self._rounds).decode('ascii')}"

    def verify(self, password: str, stored: str) -> bool:
        """False also for a hash of a scheme that is not known."""
        scheme, dollar, rest = stored.partition("$")
        if scheme != SCHEME:
            return False
        return bool(self._bcrypt.check_password_hash(dollar + rest, _digest(password)))


def _digest(password: str) -> str:
    """44 ASCII characters, within what bcrypt reads."""
    digest = hmac.digest(_CONTEXT, normalized(password).encode("utf-8"), hashlib.sha256)
    return base64.b64encode(digest).decode("ascii")
