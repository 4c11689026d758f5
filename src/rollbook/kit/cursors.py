"""Cursors: a position in a list, closed so that only we can read or make one."""

import base64
import hashlib
from typing import Any

import bson
from cryptography.fernet import Fernet, InvalidToken

from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.kit.listing import Position
from rollbook.kit.secrets import derive

PURPOSE = "rollbook cursors v1"


class Cursors:
    """Authenticated encryption (Fernet) under a key that comes from SECRET_KEY: good on every worker.

    Signed only, a cursor would show the address that the list stands at, in the log of every proxy on the way.
    """

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(derive(secret_key, PURPOSE)))

    def close(self, position: Position, listing: str) -> str:
        """`listing`: what is listed, and how; the cursor is good for that alone."""
        content = bson.encode({"of": _digest(listing), "at": list(position)})
        return self._fernet.encrypt(content).decode("ascii").rstrip("=")

    def open(self, cursor: str, listing: str) -> Position:
        """Raises: ValidationFailed."""
        padded = cursor + "=" * (-len(cursor) % 4)
        try:
            content = bson.decode(self._fernet.decrypt(padded.encode()), _AWARE)
        except (InvalidToken, UnicodeEncodeError):
            raise _bad() from None
        if content["of"] != _digest(listing):
            raise _bad()
        position: Position = content["at"]
        return position


_AWARE = bson.CodecOptions[dict[str, Any]](tz_aware=True)


def _bad() -> ValidationFailed:
    detail = Detail("cursor", "bad_cursor", "Not a cursor of this list; start again without one.")
    return ValidationFailed(details=[detail])


def _digest(listing: str) -> bytes:
    return hashlib.sha256(listing.encode("utf-8", "surrogatepass")).digest()[:16]
