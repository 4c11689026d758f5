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
            with os.fdopen(handle, "wb") as file:
                file.write(envelope.content)
            Path(name).rename(self.path / f"{envelope.id}.eml")
        except OSError as error:
            raise Deferred(f"MAIL_URL: {error.strerror}", is_general=True) from None

    def close(self) -> None: ...

    def check(self) -> None: ...

    def read(self, id: str) -> bytes | None:
        """Read a message that was sent. None when its file is gone."""
        try:
            return (self.path / f"{id}.eml").read_bytes()
        except FileNotFoundError:
            return None
