"""How many passwords are hashed at once, so that reads stay fast during a storm of sign-ins."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress

from rollbook.passwords.errors import TooBusy
from rollbook.passwords.hashing import PasswordHasher

NICE = 10
"""The niceness of a thread that hashes; docs/decisions/015-what-earns-its-lines.md measures it."""


class HashGate:
    """Lets a limited number of requests hash passwords at once, in threads of low priority."""

    def __init__(self, rounds: int, *, at_once: int = 1, waiting: int = 0) -> None:
        """Create a gate.

        `rounds`: log2 of bcrypt's cost. `at_once`: hashes at a time, each of which uses a core.
        `waiting`: how many more requests may wait, each of which occupies a thread.
        """
        self._rounds = rounds
        self._places = threading.BoundedSemaphore(at_once + waiting)
        self._shared_places = threading.BoundedSemaphore(max(1, at_once + waiting - 1))
        self._pool = ThreadPoolExecutor(at_once, "rollbook-hash", _lower_priority)

    @contextmanager
    def enter(self, *, yields_last_place: bool = False) -> Iterator[PasswordHasher]:
        """Enter the gate.

        `yields_last_place`: an anonymous registration leaves one place free for sign-ins.

        Raises: TooBusy, at once, when no place is free.
        """
        shared = _take_place(self._shared_places) if yields_last_place else nullcontext()
        with shared, _take_place(self._places):
            yield PasswordHasher(self._rounds, self._run)

    def _run(self, work: Callable[[], object]) -> object:
        return self._pool.submit(work).result()


@contextmanager
def _take_place(places: threading.BoundedSemaphore) -> Iterator[None]:
    if not places.acquire(blocking=False):
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
