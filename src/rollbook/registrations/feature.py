"""What this package adds to rollbook."""

from rollbook.registrations.documents import PendingRegistration
from rollbook.web.features import Feature

REGISTRATIONS = Feature(documents=(PendingRegistration,))
