"""Users who were deleted go for good when their time is over."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId

from rollbook.access.principal import SYSTEM, Principal
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.kit.transactions import in_transaction
from rollbook.leases.dao import leases
from rollbook.users.dao import users
from rollbook.users.deletion import DeletionService
from rollbook.users.tally_dao import tallies

LEASE = "retention sweep"
EVERY = timedelta(hours=1)
BATCH = 100
RECOUNT_SECONDS = 15
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retention:
    """`kept_for`: how long a deleted user can be restored, by `clock`, which is MongoDB's."""

    clock: Clock
    deletion: DeletionService
    kept_for: timedelta

    def count(self) -> int:
        """How many have been deleted for that long."""
        return users.count_deleted_before(self._limit())

    def expired(self) -> list[str]:
        """Their ids, the first deleted first."""
        return [str(each) for each in users.ids_deleted_before(self._limit(), limit=0)]

    def purge(self, *, actor: Principal, tell: Callable[[int], None] = lambda _: None) -> int:
        """How many. Each goes with its entry in the record, so it may stop anywhere; `tell` hears of each batch."""
        limit, purged = self._limit(), 0
        done = 1
        while done and (ids := users.ids_deleted_before(limit, limit=BATCH)):
            done = sum(self._purge(each, limit, actor) for each in ids)
            purged += done
            tell(done)
        return purged

    def _purge(self, id: ObjectId, limit: datetime, actor: Principal) -> bool:
        """Whoever cannot be purged now does not keep all others from it; they are tried again."""
        try:
            return self.deletion.purge_expired(id, deleted_before=limit, actor=actor)
        except Unavailable:
            logger.warning("user %s could not be purged in time; it is tried again", id)
            return False

    def sweep(self) -> int | None:
        """Count anew, and purge: once in EVERY, whoever of all workers and replicas comes first. None: not us."""
        holder = secrets.token_hex(8)
        if not leases.take(LEASE, holder, lasting=EVERY):
            return None
        try:
            if in_transaction(tallies.recount, actor=SYSTEM, seconds=RECOUNT_SECONDS):
                logger.warning("the number of users was not what was tallied; counted anew")
            purged = self.purge(actor=SYSTEM)
        except Exception:
            leases.give_back(LEASE, holder)
            raise
        if purged:
            logger.info("purged %d users who were deleted %d days ago", purged, self.kept_for.days)
        return purged

    def ensure_tallies(self) -> None:
        """Count, where nobody has yet."""
        if tallies.start():
            in_transaction(tallies.recount, actor=SYSTEM, seconds=RECOUNT_SECONDS)

    def _limit(self) -> datetime:
        return self.clock() - self.kept_for
