"""What this package adds to rollbook."""

from rollbook.idempotency.documents import IdempotencyRecord
from rollbook.web.features import Feature

IDEMPOTENCY = Feature(documents=(IdempotencyRecord,))
