"""The only file that queries leases: who of all workers and replicas may do what only one should."""

from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from rollbook.kit.transactions import current_session, reaching
from rollbook.leases.documents import Lease


class LeaseDAO:
    def take(self, name: str, holder: str, *, at: datetime, until: datetime) -> bool:
        """In one atomic write; False, when someone else has it still. Whoever has it may take it again, for longer."""
        free = {"_id": name, "$or": [{"until": {"$lte": at}}, {"holder": holder}]}
        taken = {"$set": {"holder": holder, "until": until}}
        try:
            with reaching():
                self._collection.update_one(free, taken, upsert=True, session=current_session())
        except DuplicateKeyError:
            return False
        return True

    def give_back(self, name: str, holder: str) -> None:
        with reaching():
            self._collection.delete_one({"_id": name, "holder": holder}, session=current_session())

    @property
    def _collection(self) -> Any:
        return Lease._get_collection()


leases = LeaseDAO()
