"""Private keys, made unreadable for whoever reads the database only."""

import base64

from cryptography.fernet import Fernet, InvalidToken
from joserfc.jwk import RSAKey

from rollbook.kit.secrets import derive

PURPOSE = "rollbook signing keys v1"


class Seal:
    """Authenticated encryption (Fernet: AES-128-CBC with HMAC-SHA-256) under a key that comes from SECRET_KEY."""

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derive(secret_key, PURPOSE)))

    def close(self, key: RSAKey) -> str:
        return self._fernet.encrypt(key.as_pem(private=True)).decode("ascii")

    def open(self, sealed: str) -> RSAKey | None:
        """None, when it was sealed with another SECRET_KEY."""
        try:
            return RSAKey.import_key(self._fernet.decrypt(sealed.encode("ascii")))
        except InvalidToken:
            return None
