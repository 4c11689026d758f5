"""The only file that queries applied migrations."""

from typing import Any

from mongoengine.connection import get_db
from pymongo.errors import DuplicateKeyError

from rollbook.migrations.documents import AppliedMigration
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors


class MigrationDAO:
    def get_checksums(self) -> dict[int, str]:
        """Map the number of every applied migration to its checksum.

        Raises: PyMongoError, untranslated, since `rollbook.storage.database` describes it.
        """
        rows = self._collection.find({}, {"checksum": True}, session=current_client_session())
        return {row["_id"]: row["checksum"] for row in rows}

    def insert(self, applied: AppliedMigration) -> bool:
        """Store an applied migration. False when it is stored already."""
        applied.validate()
        try:
            with translate_driver_errors():
                self._collection.insert_one(applied.to_mongo(), session=current_client_session())
        except DuplicateKeyError:
            return False
        return True

    def has_users(self) -> bool:
        """Return whether there are users. Raises: PyMongoError."""
        found = self.database.users.find_one({}, {"_id": True}, session=current_client_session())
        return found is not None

    @property
    def database(self) -> Any:
        """The raw database: a migration knows the documents of its time, not today's."""
        return get_db()

    @property
    def _collection(self) -> Any:
        return AppliedMigration._get_collection()


applied_migrations = MigrationDAO()
