"""How many passwords are hashed at once, so that reads stay fast during a storm of sign-ins."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress

from rollbook.kit import metrics
from rollbook.kit.turns import get_wait, yield_turn
from rollbook.passwords.errors import TooBusy
from rollbook.passwords.hashing import PasswordHasher

NICE = 3
"""The niceness of a thread that hashes; docs/decisions/015-what-earns-its-lines.md measures it."""
LINE_LENGTH = 6
"""How many requests wait for their turn. Each occupies a thread, which the server adds for it."""
MAX_WAIT = 2.0
"""How long a request waits for its turn, in seconds."""
BUSY_WAIT = 0.1
"""A request that has waited longer for a thread does not wait for its turn too: others do."""


class HashGate:
    """Lets a limited number of requests hash passwords at once, in threads of low priority.

    The others wait in a bounded line. Once it is full, or the wait is over, they are refused.
    """

    def __init__(
        self, rounds: int, *, at_once: int = 1, turns: int = 1, line_length: int = 0
    ) -> None:
        """Create a gate.

        `rounds`: log2 of bcrypt's cost. `at_once`: hashes at a time, each of which uses a core.
        `turns`: requests at a time; those that do not hash just now read the database.
        """
        places = turns + line_length
        self._rounds = rounds
        self._places = threading.BoundedSemaphore(places)
        self._shared_places = threading.BoundedSemaphore(max(1, places - turns))
        self._turns = threading.BoundedSemaphore(turns)
        self._shared_turns = threading.BoundedSemaphore(max(1, turns - 1))
        self._pool = ThreadPoolExecutor(at_once, "rollbook-hash", _lower_priority)

    @contextmanager
    def enter(self, *, yields_last_place: bool = False) -> Iterator[PasswordHasher]:
        """Enter the gate, after a wait of at most MAX_WAIT.

        `yields_last_place`: anonymous registrations leave a turn and places for sign-ins.

        Raises: TooBusy, at once when the line is full.
        """
        now = time.monotonic()
        by = now + (MAX_WAIT if get_wait() <= BUSY_WAIT else 0)
        shared_place = _take(self._shared_places, by=now) if yields_last_place else nullcontext()
        shared_turn = _take(self._shared_turns, by=by) if yields_last_place else nullcontext()
        with shared_place, _take(self._places, by=now), shared_turn, _take(self._turns, by=by):
            yield PasswordHasher(self._rounds, self._run)

    def _run(self, work: Callable[[], object]) -> object:
        with yield_turn(), metrics.password_hashes_running().track_inprogress():
            return self._pool.submit(work).result()


@contextmanager
def _take(places: threading.BoundedSemaphore, *, by: float) -> Iterator[None]:
    """Take a place until the time `by` of the monotonic clock, and give it back at the end.

    Raises: TooBusy.
    """
    with yield_turn(), metrics.password_hashes_waiting().track_inprogress():
        has_place = places.acquire(timeout=max(0.0, by - time.monotonic()))
    if not has_place:
        metrics.password_hashes_refused().inc()
        raise TooBusy()
    try:
        yield
    finally:
        places.release()


def _lower_priority() -> None:
    """Lower the priority of this thread.

    On Linux each thread has a niceness of its own (sched(7)). Failing to set it is harmless.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            current = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(NICE, current))
