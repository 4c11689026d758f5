"""What this package adds to rollbook."""

from rollbook.audit.documents import AuditEntry
from rollbook.audit.resources import register
from rollbook.web.features import Feature

AUDIT = Feature(documents=(AuditEntry,), register=register)
