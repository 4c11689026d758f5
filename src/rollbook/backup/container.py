"""The file of a backup: a line of JSON, then the compressed records, encrypted if asked.

`age` (age-encryption.org) encrypts, for the recipients of its users. For a passphrase, a recipient
is created for the file, and its identity, encrypted with the passphrase, is in the first line.
"""

import base64
import gzip
import json
import os
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import pyrage

from rollbook.backup.errors import CHANGED, CUT_OFF, NOT_A_BACKUP, BackupError, DamagedBackup

FORMAT = 1
COMPRESSION = 6
GZIP = 16 + zlib.MAX_WBITS
"""For zlib: with the header and the checksum of gzip (RFC 1952)."""
MAX_HEADER_BYTES = 4096
CHUNK = 1 << 16
NEEDS_IDENTITY = "The backup is encrypted for age recipients. Name a file with --identity."
NEEDS_PASSPHRASE = "The backup is encrypted with a passphrase. Give it with --passphrase-file."
NOT_ENCRYPTED = (
    "The backup is not encrypted, so anybody may have written it. To restore it all the same, "
    "leave out --passphrase-file and --identity."
)
CANNOT_WRITE = "The backup cannot be written. Is the disk full?"
CANNOT_DECRYPT = "The backup cannot be decrypted with that, or it was changed."


@dataclass(frozen=True)
class Locks:
    """What encrypts a new backup: age recipients, a passphrase, or nothing."""

    recipients: Sequence[str] = ()
    passphrase: str | None = None


@dataclass(frozen=True)
class Keys:
    """What decrypts a backup: age identities, or a passphrase."""

    identities: Sequence[str] = ()
    passphrase: str | None = None


def write(parts: Iterable[bytes], target: BinaryIO, locks: Locks) -> None:
    """Write a backup. Raises: BackupError, for a recipient that is none."""
    header: dict[str, object] = {"rollbook_backup": FORMAT, "encryption": None}
    recipients = [_parse_recipient(each) for each in locks.recipients]
    if locks.passphrase is not None:
        identity = pyrage.x25519.Identity.generate()
        recipients.append(identity.to_public())
        sealed = pyrage.passphrase.encrypt(str(identity).encode(), locks.passphrase)
        header["identity"] = base64.b64encode(sealed).decode()
    if recipients:
        header["encryption"] = "age"
    target.write(json.dumps(header).encode() + b"\n")
    compressed = _compress(parts)
    if recipients:
        _encrypt(_PartsReader(compressed), target, recipients)
        return
    for part in compressed:
        target.write(part)


@contextmanager
def open_records(source: BinaryIO, keys: Keys) -> Iterator[BinaryIO]:
    """Open the records of a backup. Raises: BackupError, DamagedBackup, also while it is read."""
    header = _read_header(source)
    try:
        if header["encryption"] is None:
            if keys.identities or keys.passphrase is not None:
                raise BackupError(NOT_ENCRYPTED)
            yield gzip.GzipFile(fileobj=source)  # type: ignore[misc] # it reads bytes
            return
        with _decrypt(source, _find_identities(header, keys)) as decrypted:
            yield gzip.GzipFile(fileobj=decrypted)  # type: ignore[misc]
    except EOFError:
        raise DamagedBackup(CUT_OFF) from None
    except (gzip.BadGzipFile, zlib.error):
        raise DamagedBackup(CHANGED) from None


def _encrypt(
    source: "_PartsReader", target: BinaryIO, recipients: Sequence[pyrage.x25519.Recipient]
) -> None:
    """Encrypt. `pyrage` hides what went wrong while it read, so the reader keeps it."""
    try:
        pyrage.encrypt_io(source, target, recipients)
    except pyrage.EncryptError:
        raise source.error or BackupError(CANNOT_WRITE) from None


def _read_header(source: BinaryIO) -> dict[str, str | None]:
    line = source.readline(MAX_HEADER_BYTES)
    try:
        header = json.loads(line)
        format_, encryption = header["rollbook_backup"], header["encryption"]
    except (ValueError, KeyError, TypeError):
        raise DamagedBackup(NOT_A_BACKUP) from None
    if format_ != FORMAT or encryption not in (None, "age"):
        raise BackupError(f"The backup has format {format_}. Restore it with a newer rollbook.")
    return dict(header)


def _find_identities(header: dict[str, str | None], keys: Keys) -> list[pyrage.x25519.Identity]:
    found = [_parse_identity(each) for each in keys.identities]
    if sealed := header.get("identity"):
        if keys.passphrase is not None:
            found.append(_open_identity(sealed, keys.passphrase))
        elif not found:
            raise BackupError(NEEDS_PASSPHRASE)
    if not found:
        raise BackupError(NEEDS_IDENTITY)
    return found


def _open_identity(sealed: str, passphrase: str) -> pyrage.x25519.Identity:
    try:
        text = pyrage.passphrase.decrypt(base64.b64decode(sealed), passphrase).decode()
    except (pyrage.DecryptError, ValueError):
        raise BackupError(CANNOT_DECRYPT) from None
    return _parse_identity(text)


@contextmanager
def _decrypt(source: BinaryIO, identities: Sequence[pyrage.x25519.Identity]) -> Iterator[BinaryIO]:
    """Decrypt in a thread, since `pyrage` writes where we want to read."""
    reading, writing = os.pipe()
    errors: list[Exception] = []

    def run() -> None:
        with os.fdopen(writing, "wb") as target, suppress(BrokenPipeError):
            try:
                pyrage.decrypt_io(source, target, identities)
            except (pyrage.DecryptError, OSError) as error:
                errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as decrypted:
            yield decrypted
    except (EOFError, DamagedBackup, gzip.BadGzipFile, zlib.error):
        thread.join()
        if any(isinstance(error, pyrage.DecryptError) for error in errors):
            raise BackupError(CANNOT_DECRYPT) from None
        raise


def _compress(parts: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(COMPRESSION, wbits=GZIP)
    for part in parts:
        if compressed := compressor.compress(part):
            yield compressed
    yield compressor.flush()


class _PartsReader:
    """Reads from an iterator of bytes, as from a file."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""
        self.error: Exception | None = None

    def read(self, size: int = CHUNK) -> bytes:
        while not self._rest:
            try:
                self._rest = next(self._parts)
            except StopIteration:
                return b""
            except Exception as error:
                self.error = error
                raise
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


def _parse_recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise BackupError(f"{text} is no age recipient. One begins with age1.") from None


def _parse_identity(text: str) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        message = "That is no age identity. One begins with AGE-SECRET-KEY-1."
        raise BackupError(message) from None
