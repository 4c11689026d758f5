"""A change of rights waits until no worker's cache holds what it replaced.

docs/decisions/018-callers-in-memory.md has the protocol, and why it is safe.
"""

import logging
import time
from collections.abc import Callable
from functools import partial

from bson import ObjectId

from rollbook.caching.dao import cache_barriers, cache_leases
from rollbook.kit import clock
from rollbook.kit.turns import yield_turn
from rollbook.storage.driver_errors import current_client_session
from rollbook.storage.transactions import run_after_commit

LEASE_SECONDS = 2.0
"""After an eviction, a cache is in use for less than this. Its worker counts a little less."""
GRACE_SECONDS = 0.3
"""How long a cache has time to apply a change before it is evicted."""
FIRST_POLL_SECONDS, MAX_POLL_SECONDS = 0.001, 0.016
logger = logging.getLogger(__name__)


def raise_barrier() -> None:
    """Let the open transaction return only when all caches have applied its changes.

    A cache that does not within GRACE_SECONDS is evicted, and its lease is left to end. Several
    barriers of one transaction are one. Without a transaction nothing is cached.
    """
    if current_client_session() is not None:
        run_after_commit("cache barrier", _store_barrier)


def _store_barrier() -> Callable[[], None]:
    return partial(_await_caches, cache_barriers.insert(clock.now()))


def _await_caches(barrier: ObjectId) -> None:
    """Wait until every cache has applied the barrier, or has lost its lease.

    Raises: Unavailable, if MongoDB does not answer. The change is committed all the same.
    """
    leases = cache_leases.list_ids()
    late = _poll(barrier, leases, GRACE_SECONDS)
    if not late:
        return
    cache_leases.evict(late)
    if ended := _poll(barrier, late, LEASE_SECONDS):
        logger.warning("evicted %d cache(s) that did not apply a change in time", len(ended))
        cache_leases.delete(ended)


def _poll(barrier: ObjectId, leases: set[str], seconds: float) -> set[str]:
    """Return which of the leases have not applied the barrier after `seconds`."""
    deadline, pause = time.monotonic() + seconds, FIRST_POLL_SECONDS
    while leases:
        leases = leases - cache_barriers.list_applied(barrier)
        if not leases or time.monotonic() >= deadline:
            break
        with yield_turn():
            time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        pause = min(pause * 2, MAX_POLL_SECONDS)
    return leases
