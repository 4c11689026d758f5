"""Encryption of private keys, so that access to the database is not enough to sign tokens."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from joserfc.jwk import RSAKey

from rollbook.kit.key_derivation import derive_key

PURPOSE = "rollbook signing keys v1"


class Seal:
    """Fernet (AES-128-CBC with HMAC-SHA-256) under a key derived from SECRET_KEY."""

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derive_key(secret_key, PURPOSE)))

    def encrypt(self, key: RSAKey) -> str:
        return self._fernet.encrypt(key.as_pem(private=True)).decode("ascii")

    def decrypt(self, sealed: str) -> RSAKey | None:
        """Decrypt a key. None when it was encrypted with another SECRET_KEY."""
        try:
            return RSAKey.import_key(self._fernet.decrypt(sealed.encode("ascii")))
        except InvalidToken:
            return None
