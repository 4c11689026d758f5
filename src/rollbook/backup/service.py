"""Write a backup, and restore one."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

from rollbook import __version__
from rollbook.backup import container, dao, records
from rollbook.backup.container import Keys, Locks
from rollbook.backup.errors import BackupError
from rollbook.backup.records import RecordReader
from rollbook.kit.clock import Clock
from rollbook.migrations.service import MigrationService
from rollbook.storage.documents import BaseDocument

SESSIONS, USERS, AUDIT, MIGRATIONS = "sessions", "users", "audit", "migrations"
BATCH_DOCUMENTS, BATCH_BYTES = 1000, 4 * 2**20
SETTLE_SECONDS = 10
"""Then every process has seen the mark of a restore, and has ended what it had begun."""
HALF_RESTORED = "A restore has not ended, so the database is incomplete. Restore it first."
NOT_EMPTY = (
    "The database has users or an audit log. Restore into an empty one, or replace everything in "
    "it with --replace."
)
IN_USE = "The API is running on this database. Stop it first."
TOO_NEW = "This version is too old for the backup. Restore it with rollbook {}."


@dataclass(frozen=True)
class BackupService:
    """`documents`: all that are stored. Those that are transient are in no backup.

    `server_name`: by which MongoDB knows the API on this database.
    """

    clock: Clock
    documents: Sequence[type[BaseDocument]]
    migrations: MigrationService
    server_name: str

    def write(self, target: BinaryIO, locks: Locks) -> dict[str, int]:
        """Write a backup, and return the number of documents of each collection.

        All are read as they were at one point in time.

        Raises: BackupError, Unavailable, DatabaseError.
        """
        self._require_whole()
        counts: dict[str, int] = {}
        names = [each._get_collection_name() for each in self.documents if not each.is_transient]
        manifest = {
            "version": __version__,
            "taken_at": self.clock(),
            "collections": names,
            "migration": self.migrations.get_latest(),
        }

        def read(name: str, snapshot: Any) -> Iterator[bytes]:
            counts[name] = 0
            for document in dao.read_all(name, snapshot):
                counts[name] += 1
                yield document

        with dao.open_snapshot() as snapshot:
            collections = ((name, read(name, snapshot)) for name in names)
            container.write(records.write_records(manifest, collections), target, locks)
        self._require_whole()  # A restore may have begun just before the snapshot.
        return counts

    def verify(self, source: BinaryIO, keys: Keys) -> int:
        """Read a whole backup, and return the number of its documents. Nothing is stored.

        Raises: BackupError, DamagedBackup.
        """
        with container.open_records(source, keys) as content:
            reader = RecordReader(content)
            return sum(1 for _ in reader)

    def restore(
        self,
        source: BinaryIO,
        keys: Keys,
        *,
        replaces: bool = False,
        without_sessions: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> dict[str, int]:
        """Store what a backup has, migrate it, and return the number of documents by collection.

        From the first deletion to the end, no process serves this database: a restore that is
        killed has to be repeated with `replaces`.

        Raises: BackupError, DamagedBackup, NotReady, Unavailable, DatabaseError.
        """
        self._require_free(replaces=replaces)
        with container.open_records(source, keys) as content:
            reader = RecordReader(content)
            self._require_known(reader)
            in_use = dao.count({each._get_collection_name() for each in self.documents})
            self.migrations.begin_restore()
            if in_use:
                sleep(SETTLE_SECONDS)
            dao.drop({each._get_collection_name() for each in self.documents} - {MIGRATIONS})
            counts = self._insert(reader, {SESSIONS} if without_sessions else set())
        self.migrations.end_restore()
        return counts

    def _require_free(self, *, replaces: bool) -> None:
        if not replaces and (self.migrations.is_restoring() or dao.count({USERS, AUDIT})):
            raise BackupError(NOT_EMPTY)
        if dao.is_connected(self.server_name):
            raise BackupError(IN_USE)

    def _require_whole(self) -> None:
        if self.migrations.is_restoring():
            raise BackupError(HALF_RESTORED)

    def _require_known(self, reader: RecordReader) -> None:
        known = {each._get_collection_name() for each in self.documents}
        manifest = reader.manifest
        if (
            manifest["format"] > records.FORMAT
            or manifest["migration"] > self.migrations.steps[-1].number
            or not known.issuperset(manifest["collections"])
        ):
            raise BackupError(TOO_NEW.format(manifest["version"]))

    def _insert(self, reader: RecordReader, left_out: Collection[str]) -> dict[str, int]:
        counts: dict[str, int] = {}
        batch: list[bytes] = []
        current, size = "", 0
        for name, document in chain(reader, [("", b"")]):
            if batch and (name != current or len(batch) >= BATCH_DOCUMENTS or size >= BATCH_BYTES):
                dao.insert_all(current, batch)
                counts[current] = counts.get(current, 0) + len(batch)
                batch, size = [], 0
            current = name
            if name and name not in left_out:
                batch.append(document)
                size += len(document)
        return counts
