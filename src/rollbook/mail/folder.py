"""Mail into a folder: each message is a file, for development and tests."""

import os
import tempfile
from pathlib import Path

from rollbook.mail.composing import Envelope
from rollbook.mail.errors import Deferred


class FolderTransport:
    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, envelope: Envelope) -> None:
        """Write `<id>.eml`, readable only by its owner. A message sent again replaces its file.

        Raises: Deferred.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(envelope.content)
                Path(name).rename(self.path / f"{envelope.id}.eml")
            finally:
                Path(name).unlink(missing_ok=True)
        except OSError as error:
            raise Deferred(f"MAIL_URL: {error.strerror}", is_general=True) from None

    def close(self) -> None: ...

    def check(self) -> None:
        """Require that files can be written. Raises: Deferred."""
        existing = next(each for each in (self.path, *self.path.parents) if each.exists())
        if not os.access(existing, os.W_OK):
            raise Deferred(f"MAIL_URL: {existing} cannot be written", is_general=True)

    def read(self, id: str) -> bytes | None:
        """Read a message that was sent. None when its file is gone."""
        try:
            return (self.path / f"{id}.eml").read_bytes()
        except OSError:
            return None
