"""What this package adds to rollbook."""

from rollbook.mail.documents import OutboxMessage
from rollbook.web.features import Feature

MAIL = Feature(documents=(OutboxMessage,))
