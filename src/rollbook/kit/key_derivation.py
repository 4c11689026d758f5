"""One secret, and a key derived from it for each purpose."""

import hashlib
import hmac


def derive_key(secret: str, purpose: str) -> bytes:
    """Derive a key of 32 bytes, which is one block of HKDF-Expand (RFC 5869 §2.3).

    Extraction is not needed, since the secret is random.
    """
    message = purpose.encode("utf-8") + b"\x01"
    return hmac.digest(secret.encode("utf-8"), message, hashlib.sha256)
