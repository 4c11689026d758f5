"""A socket for gunicorn's threads that never blocks: requests and responses are buffered."""

import mmap
import os
import socket
from collections import deque
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

CHUNK = 65_536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MAX_MAPPED_FILES = 64
MAX_PARTS = 16
"""Parts of a response that are sent in one system call."""


@lru_cache(MAX_MAPPED_FILES)
def _map_file(name: str, inode: int, changed: int) -> mmap.mmap:  # noqa: ARG001 - cache key
    with Path(name).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class BufferedSocket:
    """Replaces a socket in gunicorn.

    The event loop calls `receive` and `flush`. A thread calls the methods of a socket: `recv`
    returns the bytes of one request, as many as `serve` has set, and then the end of the stream;
    `sendall` and `sendfile` keep what the client does not read yet.
    """

    def __init__(self, real: socket.socket) -> None:
        self.real = real
        self.real.setblocking(False)
        self.received = bytearray()
        self.has_continued = False
        self.read_past_end = False
        self._left = 0
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._broken = False

    # For the event loop.

    def receive(self) -> bool:
        """Read what has arrived. False, when the client has closed the connection."""
        try:
            part = self.real.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        self.received += part
        return bool(part)

    def serve(self, length: int) -> None:
        """Let a thread read the next `length` bytes, which are a request."""
        self._left = length
        self.has_continued = False

    def discard_rest(self) -> None:
        """Drop the part of the request that was not read."""
        del self.received[: self._left]
        self._left = 0

    def flush(self) -> bool:
        """Send as much as the client reads. True, when nothing is left or the client is gone."""
        try:
            while self._unsent:
                self._drop(self.real.sendmsg([*islice(self._unsent, MAX_PARTS)]))
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self._broken = True
            self._unsent.clear()
        return True

    def _drop(self, sent: int) -> None:
        """Drop the first `sent` bytes."""
        self._unsent_bytes -= sent
        while sent > 0:
            part = self._unsent.popleft()
            if len(part) > sent:
                self._unsent.appendleft(part[sent:])
            sent -= len(part)

    @property
    def is_broken(self) -> bool:
        return self._broken

    # For gunicorn, in a thread.

    def recv(self, size: int, *_: Any) -> bytes:
        """Read at most `size` bytes of the request.

        An empty result means that gunicorn expects a longer request. Then the connection ends.
        """
        part = bytes(self.received[: min(size, self._left)])
        del self.received[: len(part)]
        self._left -= len(part)
        self.read_past_end = self.read_past_end or not part
        return part

    def sendall(self, data: bytes) -> None:
        """Keep `data` until the response is complete, so that a short one is sent at once."""
        if self._broken:
            raise BrokenPipeError(32, "the client is gone")
        if data:
            self._unsent.append(memoryview(data))
            self._unsent_bytes += len(data)
        if self._unsent_bytes > CHUNK:
            self.flush()

    def send(self, data: bytes) -> int:
        """Send `data`, except gunicorn's 100 Continue, which the event loop has already sent."""
        if data != CONTINUE:
            self.sendall(data)
        return len(data)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Map the file once: many slow clients cost one descriptor and no memory."""
        status = os.fstat(file.fileno())
        mapped = _map_file(file.name, status.st_ino, status.st_mtime_ns)
        view = memoryview(mapped)[offset : None if count is None else offset + count]
        self._unsent.append(view)
        self._unsent_bytes += len(view)
        self.flush()
        return len(view)

    def close(self) -> None:
        with suppress(OSError):
            self.real.close()

    def fileno(self) -> int:
        return self.real.fileno()

    def gettimeout(self) -> float | None:
        return None

    def settimeout(self, seconds: float | None) -> None: ...

    def setblocking(self, flag: bool) -> None: ...

    def getsockname(self) -> Any:
        return self.real.getsockname()

    def getpeername(self) -> Any:
        return self.real.getpeername()

    def shutdown(self, how: int) -> None:
        self.real.shutdown(how)

    @property
    def family(self) -> int:
        return self.real.family
