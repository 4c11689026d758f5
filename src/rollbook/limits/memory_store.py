"""Counts of request limits in the memory of one process."""

import threading
import time

from limits.storage import Storage

SCHEME = "process-memory"
MAX_COUNTERS = 10_000
"""With more, those whose windows have ended are dropped."""


class MemoryStore(Storage):
    """Like the MemoryStorage of `limits`, without a thread.

    That one starts a timer every 10 ms, in which it walks through all counters: a fifth of the cost
    of a limit.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - as the base class declares it
    base_exceptions = ()

    def __init__(self, uri: str | None = None, **options: bool) -> None:
        super().__init__(uri, **options)
        self._lock = threading.Lock()
        self._counters: dict[str, tuple[int, float]] = {}
        self._max_counters = MAX_COUNTERS

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        now = time.time()
        with self._lock:
            count, ends = self._counters.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
            self._counters[key] = count + amount, ends
            if len(self._counters) > self._max_counters:
                self._drop_ended(now)
        return count + amount

    def get(self, key: str) -> int:
        count, ends = self._counters.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        return self._counters.get(key, (0, time.time()))[1]

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            count = len(self._counters)
            self._counters.clear()
        return count

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)

    def _drop_ended(self, now: float) -> None:
        """Drop counters. The next time is when there are twice as many as those that are left."""
        running = {key: each for key, each in self._counters.items() if each[1] > now}
        self._counters = running
        self._max_counters = max(MAX_COUNTERS, 2 * len(running))
