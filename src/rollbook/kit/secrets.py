"""One secret, and from it a key for each purpose."""

import hashlib
import hmac


def derive(secret: str, purpose: str) -> bytes:
    """32 bytes; HKDF-Expand with one block (RFC 5869 §2.3), the secret being random already."""
    return hmac.digest(secret.encode("utf-8"), purpose.encode("utf-8") + b"\x01", hashlib.sha256)
