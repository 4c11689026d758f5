"""The content of a backup: a stream of records, with a checksum at the end.

A record is a letter and a BSON document (bsonspec.org), which begins with its length:

    m   the manifest: format, version of rollbook, time, collections
    c   the name of the collection that the next documents belong to
    d   a document, byte for byte as MongoDB has it
    e   the end: the number of documents, and the SHA-256 of all bytes before
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import bson

from rollbook.backup.errors import CHANGED, CUT_OFF, NOT_A_BACKUP, DamagedBackup

FORMAT = 1
MANIFEST, COLLECTION, DOCUMENT, END = b"m", b"c", b"d", b"e"
MAX_RECORD_BYTES = 17 * 2**20
"""MongoDB stores documents of up to 16 MiB."""
_LENGTH = struct.Struct("<i")


class Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


def write_records(
    manifest: Mapping[str, Any], collections: Iterable[tuple[str, Iterable[bytes]]]
) -> Iterator[bytes]:
    """Write `manifest` and, for each collection, its documents in BSON."""
    checksum, count = hashlib.sha256(), 0

    def add(kind: bytes, document: bytes) -> bytes:
        checksum.update(kind)
        checksum.update(document)
        return kind + document

    yield add(MANIFEST, bson.encode({"format": FORMAT, **manifest}))
    for name, documents in collections:
        yield add(COLLECTION, bson.encode({"name": name}))
        for document in documents:
            count += 1
            yield add(DOCUMENT, document)
    yield END + bson.encode({"documents": count, "sha256": checksum.digest()})


class RecordReader:
    """Reads records. `manifest` has been read; iterate over the documents to the end.

    Raises: DamagedBackup, at the latest after the last document.
    """

    def __init__(self, source: Reader) -> None:
        self._source = source
        self._checksum = hashlib.sha256()
        self.count = 0
        kind, document = self._read()
        if kind != MANIFEST:
            raise DamagedBackup(NOT_A_BACKUP)
        self.manifest = _decode(document, "version")

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Yield the name of the collection, and the document."""
        collection = ""
        while True:
            before = self._checksum.digest()
            kind, document = self._read()
            if kind == DOCUMENT:
                self.count += 1
                yield collection, document
            elif kind == COLLECTION:
                collection = _decode(document, "name")["name"]
            elif kind == END:
                end = _decode(document, "documents", "sha256")
                if (end["documents"], end["sha256"]) != (self.count, before):
                    raise DamagedBackup(CHANGED)
                if self._source.read(1):  # It also verifies what ends the compressed data.
                    raise DamagedBackup(CHANGED)
                return
            else:
                raise DamagedBackup(CHANGED)

    def _read(self) -> tuple[bytes, bytes]:
        kind, length = self._read_exactly(1), self._read_exactly(_LENGTH.size)
        (size,) = _LENGTH.unpack(length)
        if not _LENGTH.size < size <= MAX_RECORD_BYTES:
            raise DamagedBackup(NOT_A_BACKUP)
        document = length + self._read_exactly(size - _LENGTH.size)
        self._checksum.update(kind)
        self._checksum.update(document)
        return kind, document

    def _read_exactly(self, size: int) -> bytes:
        parts, missing = [], size
        while missing:
            part = self._source.read(missing)
            if not part:
                raise DamagedBackup(CUT_OFF)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def _decode(document: bytes, *names: str) -> dict[str, Any]:
    """Decode a record that has `names`. Raises: DamagedBackup."""
    try:
        record = bson.decode(document)
    except bson.errors.InvalidBSON:
        raise DamagedBackup(CHANGED) from None
    if not all(name in record for name in names):
        raise DamagedBackup(CHANGED)
    return record
