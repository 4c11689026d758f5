"""A cache that answers only while its lease is valid. It does no I/O."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_ENTRIES = 10_000
NEVER = float("-inf")


def get_elapsed_time() -> float:
    """Return seconds that no clock setting moves, and that count while the machine sleeps."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class LeasedCache(Generic[K, V]):
    """Values by key, at most `max_entries`; a new one replaces the oldest.

    `find` compares the lease with `elapsed_time` at every use. Nothing that was read before a
    change is stored after it: `store` takes the `generation` from before the read, and each change
    of the cache begins a new generation.
    """

    def __init__(
        self,
        max_entries: int = MAX_ENTRIES,
        elapsed_time: Callable[[], float] = get_elapsed_time,
    ) -> None:
        self._max_entries = max_entries
        self._elapsed_time = elapsed_time
        self._lock = threading.Lock()
        self._entries: dict[K, V] = {}
        self._valid_until = NEVER
        self.generation = 0
        self.position: Any = None
        """What a read must have seen to be stored: a point in the history of the database."""
        self.is_wanted = threading.Event()
        """Set by `find` while there is no valid lease."""
        self.used_at = NEVER

    def find(self, key: K) -> V | None:
        """Return the value, or None if it is unknown or the lease is not valid now."""
        value = self._entries.get(key)
        now = self._elapsed_time()
        self.used_at = now
        if now < self._valid_until:
            return value
        self.is_wanted.set()
        return None

    def store(self, key: K, value: V, *, generation: int) -> None:
        """Store what was read while `generation` was the current one, and not later."""
        with self._lock:
            if generation != self.generation or self._elapsed_time() >= self._valid_until:
                return
            if len(self._entries) >= self._max_entries:
                del self._entries[next(iter(self._entries))]
            self._entries[key] = value

    def drop(self, key: K) -> None:
        with self._lock:
            self.generation += 1
            self._entries.pop(key, None)

    def drop_where(self, matches: Callable[[V], bool]) -> None:
        with self._lock:
            self.generation += 1
            self._entries = {k: v for k, v in self._entries.items() if not matches(v)}

    def clear(self) -> None:
        with self._lock:
            self.generation += 1
            self._entries = {}

    def begin_lease(self, until: float) -> None:
        """Begin a lease. What was read before it may have changed unseen, so it is not stored."""
        self.clear()
        self._valid_until = until

    def extend_lease(self, until: float) -> None:
        """Extend the lease to `until`, in seconds of `elapsed_time`."""
        self._valid_until = until

    def end_lease(self) -> None:
        """End the lease, and forget everything: changes may pass unseen from now on."""
        self._valid_until = NEVER
        self.clear()
        self.is_wanted.clear()

    def __len__(self) -> int:
        return len(self._entries)
