"""The only file that queries applied migrations."""

from typing import Any

from mongoengine.connection import get_db
from pymongo.errors import DuplicateKeyError

from rollbook.migrations.documents import AppliedMigration
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors

RESTORING = "restoring"
"""The id of a document in place of a migration. A version that does not know it cannot start."""


class MigrationDAO:
    def get_checksums(self) -> dict[int, str]:
        """Map the number of every applied migration to its checksum.

        Raises: PyMongoError, untranslated, since `rollbook.storage.database` describes it.
        """
        query = {"_id": {"$ne": RESTORING}}
        rows = self._collection.find(query, {"checksum": True}, session=current_client_session())
        return {row["_id"]: row["checksum"] for row in rows}

    def delete_all(self) -> None:
        """Delete all applied migrations, but not the mark of a restore."""
        with translate_driver_errors():
            self._collection.delete_many({"_id": {"$ne": RESTORING}}, session=None)

    def is_restoring(self) -> bool:
        """Return whether a restore has begun, and not finished. Raises: PyMongoError."""
        return self._collection.find_one({"_id": RESTORING}, session=None) is not None

    def mark_restoring(self) -> None:
        with translate_driver_errors():
            self._collection.replace_one(
                {"_id": RESTORING}, {}, upsert=True, bypass_document_validation=True, session=None
            )

    def unmark_restoring(self) -> None:
        with translate_driver_errors():
            self._collection.delete_one({"_id": RESTORING}, session=None)

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
