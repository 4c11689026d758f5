"""A connection of a client: what arrives on it, and what is left to send."""

import socket
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Any

from rollbook.buffering.requests import RequestReader

CHUNK = 65_536
MAX_PARTS = 16
"""Parts of a response that are sent in one system call."""


class Connection:
    """Never blocks: a response that the client does not read at once is kept.

    `peer` and `server` are hosts and ports. `deadline` is when the present wait ends, and `waits`
    numbers the waits. `keeps_alive` says whether another request may follow the response, and
    `ready_at` when a complete request had arrived. Times are of the monotonic clock.
    """

    def __init__(self, sock: socket.socket, peer: Any, server: Any, max_body_bytes: int) -> None:
        self.sock, self.peer, self.server = sock, _split(peer), _split(server)
        self.sock.setblocking(False)
        self.reader = RequestReader(max_body_bytes)
        self.deadline = self.ready_at = 0.0
        self.waits = 0
        self.keeps_alive = True
        self.is_broken = False
        self._unsent: deque[memoryview] = deque()

    def receive(self) -> bytes | None:
        """Return what has arrived. None, when the client has closed the connection."""
        try:
            return self.sock.recv(CHUNK) or None
        except (BlockingIOError, InterruptedError):
            return b""
        except OSError:
            return None

    def send(self, data: bytes | memoryview) -> None:
        """Send `data` with the next `flush`."""
        if data:
            self._unsent.append(memoryview(data))

    def discard_unsent(self) -> None:
        self._unsent.clear()

    def flush(self) -> bool:
        """Send as much as the client reads. True, when nothing is left or the client is gone."""
        try:
            while self._unsent:
                self._drop(self.sock.sendmsg([*islice(self._unsent, MAX_PARTS)]))
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self.is_broken = True
            self._unsent.clear()
        return True

    def close(self) -> None:
        self.reader.close()
        with suppress(OSError):
            self.sock.close()

    def _drop(self, sent: int) -> None:
        """Drop the first `sent` bytes."""
        while sent > 0:
            part = self._unsent.popleft()
            if len(part) > sent:
                self._unsent.appendleft(part[sent:])
            sent -= len(part)


def _split(address: Any) -> tuple[str, str]:
    """Return the host and the port of a socket's address. A Unix socket has neither."""
    return (address[0], str(address[1])) if isinstance(address, tuple) else ("", "")
