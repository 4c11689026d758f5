"""Purge deleted users when RETENTION_DAYS are over."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson import ObjectId

from rollbook.access.principal import SYSTEM, Principal
from rollbook.kit import metrics
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.leases.dao import leases
from rollbook.storage.transactions import in_transaction
from rollbook.tallies.dao import tallies
from rollbook.users.dao import users
from rollbook.users.deletion import DeletionService

LEASE = "retention sweep"
INTERVAL = timedelta(hours=1)
BATCH_SIZE = 100
RECOUNT_SECONDS = 15
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RetentionService:
    """`kept_for`: how long a deleted user can be restored.

    `clock` shows the earlier time of this machine and MongoDB, so that a clock that is ahead does
    not let a user be purged early.
    """

    clock: Clock
    deletion: DeletionService
    kept_for: timedelta

    def count_expired(self) -> int:
        """Count the users who are due to be purged."""
        return users.count_deleted_before(self._get_limit())

    def list_expired(self) -> list[str]:
        """List the ids of the users who are due to be purged, the earliest deletion first."""
        return [str(user_id) for user_id in users.list_deleted_before(self._get_limit(), limit=0)]

    def purge_expired(
        self, *, actor: Principal, on_progress: Callable[[int], None] = lambda _: None
    ) -> int:
        """Purge everyone who is due, and return their number.

        Each purge is a transaction of its own, so it may be interrupted anywhere. `on_progress`
        gets the size of each batch.
        """
        limit, purged, done = self._get_limit(), 0, 1
        while done and (ids := users.list_deleted_before(limit, limit=BATCH_SIZE)):
            done = sum(self._purge(user_id, limit, actor) for user_id in ids)
            purged += done
            on_progress(done)
        return purged

    def sweep(self) -> int | None:
        """Correct the tallies and purge, once in INTERVAL, in one process of all replicas.

        None in every other process.
        """
        holder = secrets.token_hex(8)
        if not leases.acquire(LEASE, holder, duration=INTERVAL):
            return None
        try:
            if in_transaction(users.recount, actor=SYSTEM, seconds=RECOUNT_SECONDS):
                logger.warning("the tallies of users were wrong; they are corrected")
            purged = self.purge_expired(actor=SYSTEM)
        except Exception:
            leases.release(LEASE, holder)
            raise
        metrics.sweep_success_timestamp().set_to_current_time()
        if purged:
            days = self.kept_for.days
            logger.info("purged %d users who were deleted %d days ago", purged, days)
        return purged

    def ensure_tallies(self) -> None:
        """Count all users, if they have not been counted yet."""
        if tallies.create_shards():
            in_transaction(users.recount, actor=SYSTEM, seconds=RECOUNT_SECONDS)

    def _purge(self, id: ObjectId, limit: datetime, actor: Principal) -> bool:
        """Purge a user.

        A user who cannot be purged now is tried again later, and does not stop the others.
        """
        try:
            return self.deletion.purge_expired(id, deleted_before=limit, actor=actor)
        except Unavailable:
            logger.warning("user %s could not be purged in time; it will be retried", id)
            return False

    def _get_limit(self) -> datetime:
        return self.clock() - self.kept_for
