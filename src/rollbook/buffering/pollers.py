"""Wait for sockets. Each event is delivered once, to one thread, and then asked for again."""

import select
import threading
from collections.abc import Callable
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import Any

Callback = Callable[[Any], None]
Event = tuple[Callback, Any]
"""What to call, and the socket to call it with."""


class OneShotEpoll:
    """All threads wait at the same time: the kernel wakes one for each event (epoll(7))."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, Event] = {}

    def register(self, sock: Any, event: int, callback: Callback) -> None:
        number = sock.fileno()
        readiness = select.EPOLLIN if event == EVENT_READ else select.EPOLLOUT
        self._waiting[number] = (callback, sock)
        try:
            self._epoll.modify(number, readiness | select.EPOLLONESHOT)
        except FileNotFoundError:
            self._epoll.register(number, readiness | select.EPOLLONESHOT)

    def unregister(self, sock: Any) -> None:
        """Stop waiting for a socket, if it is waited for."""
        number = sock.fileno()
        if self._waiting.pop(number, None):
            self._epoll.modify(number, 0)

    def wait(self, *, blocks: bool = True) -> Event | None:
        """Return an event. None, if the wait for it has ended, or without one if not `blocks`."""
        ready = self._epoll.poll(None if blocks else 0, 1)
        return self._waiting.pop(ready[0][0], None) if ready else None

    def close(self) -> None:
        self._epoll.close()


class OneShotSelector:
    """For systems with kqueue: one thread waits, and the others wait for their turn.

    Like epoll, it sees what another thread registers while it waits.
    """

    def __init__(self) -> None:
        self._selector = DefaultSelector()
        self._turn = threading.Lock()

    def register(self, sock: Any, event: int, callback: Callback) -> None:
        self._selector.register(sock, event, callback)

    def unregister(self, sock: Any) -> None:
        """Stop waiting for a socket, if it is waited for."""
        with suppress(OSError, KeyError, ValueError):
            self._selector.unregister(sock)

    def wait(self, *, blocks: bool = True) -> Event | None:
        """Return an event. None without one, if not `blocks`.

        Of several events, the others are found by the next call.
        """
        if not self._turn.acquire(blocking=blocks):
            return None
        try:
            for key, _ in self._selector.select(None if blocks else 0):
                self.unregister(key.fileobj)
                return key.data, key.fileobj
        finally:
            self._turn.release()
        return None

    def close(self) -> None:
        self._selector.close()
