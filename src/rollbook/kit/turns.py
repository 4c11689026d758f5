"""How many threads of a process work at the same time.

Python runs one thread at a time, so each further one adds switches between threads and delays the
rest. A thread that waits for long gives its turn to another one.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MAX_WAIT_SECONDS = 0.05
"""Then a thread works without a turn: the others may be waiting for a database that hangs."""


class Turns:
    """`count` turns, which threads take in the order in which they ask."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._changing = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def take(self, *, waited: float = 0.0) -> Iterator[None]:
        """Work with a turn, or without one after a wait of MAX_WAIT_SECONDS.

        `waited`: how long the work has waited for a thread, in seconds.
        """
        turn = _Turn(self, waited)
        turn.take()
        token = _current.set(turn)
        try:
            yield
        finally:
            _current.reset(token)
            turn.give_back()

    def acquire(self) -> bool:
        """Return whether there was a turn within MAX_WAIT_SECONDS."""
        with self._changing:
            if self._free:
                self._free -= 1
                return True
            called = threading.Lock()
            called.acquire()
            self._waiting.append(called)
        if called.acquire(timeout=MAX_WAIT_SECONDS):
            return True
        with self._changing:
            if called in self._waiting:
                self._waiting.remove(called)
                return False
        return True  # It was called after the wait.

    def release(self) -> None:
        """Call the first thread that waits. Otherwise the last one could always come before it."""
        with self._changing:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1


class _Turn:
    def __init__(self, turns: Turns, waited: float) -> None:
        self._turns = turns
        self.waited = waited
        self._is_held = False

    def take(self) -> None:
        if not self._is_held:
            self._is_held = self._turns.acquire()

    def give_back(self) -> None:
        if self._is_held:
            self._is_held = False
            self._turns.release()


_current: ContextVar[_Turn | None] = ContextVar("turn", default=None)


def get_wait() -> float:
    """Return how long the present work has waited for a thread, in seconds."""
    turn = _current.get()
    return turn.waited if turn else 0.0


@contextmanager
def yield_turn() -> Iterator[None]:
    """Let another thread work while this one waits."""
    turn = _current.get()
    if turn is None:
        yield
        return
    turn.give_back()
    try:
        yield
    finally:
        turn.take()
