"""The only file that writes the record. It can append, and nothing else."""

from rollbook.audit.documents import AuditEntry
from rollbook.kit.transactions import current_session, reaching


class AuditDAO:
    def append(self, entry: AuditEntry) -> None:
        entry.validate()
        with reaching():
            AuditEntry._get_collection().insert_one(entry.to_mongo(), session=current_session())


entries = AuditDAO()
