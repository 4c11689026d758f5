"""What this package adds to rollbook."""

from rollbook.locks.documents import LockShard
from rollbook.web.features import Feature

LOCKS = Feature(documents=(LockShard,))
