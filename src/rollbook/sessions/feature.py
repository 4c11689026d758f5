"""What this package adds to rollbook."""

from rollbook.sessions.documents import Session
from rollbook.web.features import Feature

SESSIONS = Feature(documents=(Session,))
