"""Cursors: encrypted positions in a list."""

import base64
import hashlib
from typing import Any

import bson
from cryptography.fernet import Fernet, InvalidToken

from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.kit.key_derivation import derive_key
from rollbook.kit.listing import Position

PURPOSE = "rollbook cursors v1"
_TIMEZONE_AWARE = bson.CodecOptions[dict[str, Any]](tz_aware=True)


class Cursors:
    """Authenticated encryption (Fernet) of cursors, which are valid on every worker.

    The key is derived from SECRET_KEY. A cursor that was only signed would show the e-mail address
    at its position in the log of every proxy.
    """

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derive_key(secret_key, PURPOSE)))

    def encrypt(self, position: Position, list_id: str) -> str:
        """Encrypt a position. The cursor is valid only for the list and order of `list_id`."""
        content = bson.encode({"of": _hash(list_id), "at": list(position)})
        return self._fernet.encrypt(content).decode("ascii").rstrip("=")

    def decrypt(self, cursor: str, list_id: str) -> Position:
        """Decrypt a cursor of the list `list_id`. Raises: ValidationFailed."""
        padded = cursor + "=" * (-len(cursor) % 4)
        try:
            content = bson.decode(self._fernet.decrypt(padded.encode()), _TIMEZONE_AWARE)
        except (InvalidToken, UnicodeEncodeError):
            raise _invalid_cursor() from None
        if content["of"] != _hash(list_id):
            raise _invalid_cursor()
        position: Position = content["at"]
        return position


def _invalid_cursor() -> ValidationFailed:
    message = "This is not a cursor of this list. Start again without one."
    return ValidationFailed(details=[Detail("cursor", "bad_cursor", message)])


def _hash(list_id: str) -> bytes:
    return hashlib.sha256(list_id.encode("utf-8", "surrogatepass")).digest()[:16]
