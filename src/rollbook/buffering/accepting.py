"""A worker accepts connections when it has a place for them, and no other one has fewer."""

import errno
import socket
import time
from contextlib import suppress
from selectors import EVENT_READ
from typing import Any

from rollbook.buffering.balance import Balance
from rollbook.buffering.threads import WaitingWorker

PAUSE_SECONDS = 1
"""Before connections are accepted again, when no file descriptor was left."""
YIELD_SECONDS = 0.001
"""How long a worker leaves a new connection to one that has fewer."""
MARGIN = 3
"""So many more connections than another worker one may have. Short ones come and go."""
FORGET_SECONDS = 0.02
"""Then a connection is another one than that which was left to others."""
NEVER = float("-inf")


class AcceptingWorker(WaitingWorker):
    """The base of `BufferingWorker`. `balance` is shared by all workers of a server."""

    balance = Balance()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._count = 0
        self._accepts = False
        self._is_open = True
        self._accepts_from = self._yielded_at = NEVER

    def _has_connections(self) -> bool:
        return self._count > 0

    def _accept_or_not(self) -> None:
        """Wait for new connections unless there are too many."""
        has_place = self._count < self.cfg.worker_connections
        accepts = self._is_open and has_place and time.monotonic() >= self._accepts_from
        if accepts == self._accepts:
            return
        self._accepts = accepts
        for listener in self.sockets:
            if accepts:
                self.poller.register(listener, EVENT_READ, self._accept)
            else:
                self.poller.unregister(listener)

    def _accept(self, listener: Any) -> None:
        """Accept a connection. Without a free descriptor, wait until one ends."""
        self._accepts = False  # The event was the only one that was asked for.
        if not self._is_open or self._yields_to_others():
            return
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._accepts_from = time.monotonic() + PAUSE_SECONDS
        else:
            self._change_count(1)
            self._open(client, address, listener.getsockname())
        self._accept_or_not()

    def _close_listeners(self) -> None:
        """Accept who has connected already, and nobody afterwards.

        A connection that nobody accepts would be reset at the end, with the request of a client.
        """
        self._is_open = False
        self._accept_or_not()
        for listener in self.sockets:
            with suppress(OSError):
                while True:
                    client, address = listener.accept()
                    self._change_count(1)
                    self._open(client, address, listener.getsockname())
            listener.close()

    def _yields_to_others(self) -> bool:
        """Leave a new connection to a worker with fewer for YIELD_SECONDS, and then take it."""
        now = time.monotonic()
        has_yielded = now - self._yielded_at < FORGET_SECONDS
        self._yielded_at = NEVER
        if (
            has_yielded
            or not self.alive
            or not self.balance.has_fewer(self.age, self._count_open() - MARGIN)
        ):
            return False
        self._yielded_at = now
        self._accepts_from = now + YIELD_SECONDS
        self.wake_at(self._accepts_from)
        return True

    def _change_count(self, by: int) -> None:
        self._count += by
        self.balance.write(self.age, self._count_open())

    def _count_open(self) -> int:
        """Return how many connections may send a request."""
        raise NotImplementedError

    def _open(self, client: socket.socket, peer: Any, server: Any) -> None:
        """Wait for the first request of a connection."""
        raise NotImplementedError
