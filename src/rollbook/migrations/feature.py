"""What this package adds to rollbook."""

from rollbook.migrations.documents import AppliedMigration
from rollbook.web.features import Feature

MIGRATIONS = Feature(documents=(AppliedMigration,))
