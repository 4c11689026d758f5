"""The data folder of a private mongod: used by one process at a time, closed to other users."""

import fcntl
import secrets
from pathlib import Path
from typing import IO

from rollbook.settings import StartError


class DataFolder:
    """Paths in the folder, and the lock on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "db"
        self.log = path / "mongod.log"
        self.output = path / "mongod.out"
        """What mongod prints before it has a log, such as a missing library."""
        self.key_file = path / "mongod.key"
        self._lock: IO[str] | None = None

    def acquire(self) -> None:
        """Acquire the folder for this process.

        The lock is a POSIX record lock: a forked worker does not inherit it, so it ends with this
        process.

        Raises: StartError.
        """
        lock = self.path / "lock"
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.database.mkdir(exist_ok=True, mode=0o700)
            lock.touch(mode=0o600)
            lock.chmod(0o600)
            self._lock = lock.open("a")
        except OSError as error:
            raise StartError(
                f"DATA_DIR: {self.path} cannot be written ({error.strerror}). Set another folder."
            ) from None
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            raise StartError(
                f"Another rollbook runs on the data in {self.path}. Stop it, or set DATA_DIR to "
                "another folder."
            ) from None

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def publish_uri(self, uri: str) -> None:
        """Write the URI where `find_running_uri` reads it."""
        assert self._lock  # noqa: S101 - for the type checker: acquire() has opened it
        self._lock.truncate(0)
        self._lock.write(uri)
        self._lock.flush()

    def read_or_create_key(self) -> str:
        """Return the content of mongod's key file, which is created when it is missing.

        The content is also the password of the only user.

        Raises: StartError.
        """
        try:
            if not self.key_file.exists():
                new = self.key_file.with_suffix(".new")
                new.touch(mode=0o600)
                new.write_text(secrets.token_hex(32))
                new.rename(self.key_file)
            return self.key_file.read_text().strip()
        except OSError as error:
            raise StartError(
                f"{self.key_file} cannot be read ({error.strerror}). Let only its owner read it."
            ) from None


def find_running_uri(folder: Path) -> str | None:
    """Return the URI of the private mongod that another process runs on `folder`, or None."""
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except OSError:
        return (folder / "lock").read_text() or None
    return None
