"""The only file that queries what has been migrated."""

from typing import Any

from mongoengine.connection import get_db
from pymongo.errors import DuplicateKeyError

from rollbook.kit.transactions import current_session, reaching
from rollbook.migrations.documents import AppliedMigration


class MigrationDAO:
    def checksums(self) -> dict[int, str]:
        """By number, of those that ran here. Raises: the driver's errors, by which the connection is judged."""
        rows = self._collection.find({}, {"checksum": True}, session=current_session())
        return {row["_id"]: row["checksum"] for row in rows}

    def insert(self, applied: AppliedMigration) -> bool:
        """False, when it is there already."""
        applied.validate()
        try:
            with reaching():
                self._collection.insert_one(applied.to_mongo(), session=current_session())
        except DuplicateKeyError:
            return False
        return True

    def has_users(self) -> bool:
        """Raises: the driver's errors."""
        return self.database.users.find_one({}, {"_id": True}, session=current_session()) is not None

    @property
    def database(self) -> Any:
        """As it is stored: a migration knows what documents were like when it was written, not what they became."""
        return get_db()

    @property
    def _collection(self) -> Any:
        return AppliedMigration._get_collection()


migrations = MigrationDAO()
