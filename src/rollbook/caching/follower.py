"""Follows the changes in MongoDB, and keeps a cache and its lease up to date."""

import atexit
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from rollbook.caching.barriers import LEASE_SECONDS
from rollbook.caching.dao import cache_barriers, cache_leases
from rollbook.caching.documents import CacheBarrier
from rollbook.caching.leased_cache import LeasedCache, get_elapsed_time
from rollbook.kit import clock

USED_SECONDS = LEASE_SECONDS * 0.9
"""Of LEASE_SECONDS. The rest is for clocks that run at different speeds."""
RENEW_SECONDS = 0.5
IDLE_SECONDS = 60
"""A cache that nobody has used for so long is given up until it is wanted again."""
RETRY_SECONDS = 1
BARRIERS = CacheBarrier._get_collection_name()
logger = logging.getLogger(__name__)

Event = Mapping[str, Any]
"""An event of a change stream, with `caching.dao.EVENT_FIELDS`."""


class Follower:
    """Keeps `cache` true in a thread of its own.

    `changes` are MongoDB filters for change events, and `apply` drops from the cache what an event
    has changed. While MongoDB is away, or has no change streams, the cache answers nothing.
    """

    def __init__(
        self,
        cache: LeasedCache[Any, Any],
        changes: Sequence[dict[str, Any]],
        apply: Callable[[Event], None],
        elapsed_time: Callable[[], float] = get_elapsed_time,
    ) -> None:
        self._cache = cache
        self._changes = changes
        self._apply = apply
        self._elapsed_time = elapsed_time
        self._has_failed = False
        self._lease_id = ""

    def start(self) -> None:
        """Follow until the process ends. Then the lease is given back, so that nobody waits."""
        atexit.register(self._give_back)
        threading.Thread(target=self._run, name="rollbook-cache", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._cache.is_wanted.wait()
            try:
                self.follow()
                self._has_failed = False
            except Exception as error:
                if not self._has_failed:
                    logger.warning("callers are not cached now: %s", type(error).__name__)
                self._has_failed = True
                time.sleep(RETRY_SECONDS)

    def follow(self) -> None:
        """Use the cache until it is idle or its lease is lost.

        The stream is open before the lease is stored, so it has the changes of every process that
        finds the lease and waits for it. Raises: Unavailable, DatabaseError.
        """
        self._lease_id = lease_id = secrets.token_hex(16)
        try:
            with cache_barriers.watch(self._changes, seconds=RENEW_SECONDS / 2) as stream:
                self._keep_lease(lease_id, stream)
        finally:
            self._give_back()

    def _give_back(self) -> None:
        """End the lease here, and then in MongoDB."""
        self._cache.end_lease()
        with suppress(Exception):  # It ends by itself, too.
            cache_leases.delete([self._lease_id])

    def _keep_lease(self, lease_id: str, stream: Any) -> None:
        """Keep the lease while the cache is used.

        It counts from before each renewal, so it ends here before it ends for anyone who waits.
        """
        renewed = self._elapsed_time()
        self._cache.position = cache_leases.insert(lease_id, clock.now())
        self._cache.begin_lease(renewed + USED_SECONDS)
        while renewed - self._cache.used_at < IDLE_SECONDS:
            event = stream.try_next()
            if event is not None:
                self._apply_event(event, lease_id)
            now = self._elapsed_time()
            if now - renewed >= RENEW_SECONDS:
                if not cache_leases.renew(lease_id, clock.now()):
                    return
                renewed = now
                self._cache.extend_lease(renewed + USED_SECONDS)

    def _apply_event(self, event: Event, lease_id: str) -> None:
        """Apply an event. A barrier confirms that everything before it has been applied."""
        self._cache.position = event["clusterTime"]
        if event.get("ns", {}).get("coll") == BARRIERS:
            cache_barriers.mark_applied(event["documentKey"]["_id"], lease_id)
        else:
            self._apply(event)
