"""A connection as a thread sees it: all of a request is there to read, and whatever it writes is taken at once."""

import mmap
import os
import socket
from collections import deque
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

CHUNK = 65_536
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
MOST_FILES = 64


@lru_cache(MOST_FILES)
def _mapped(name: str, inode: int, changed: int) -> mmap.mmap:  # noqa: ARG001 - another file has other ones
    with Path(name).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class BufferedSocket:
    """Stands in for a socket in gunicorn; the real one never blocks.

    The event loop calls `receive` and `flush`. A thread calls what a socket has: `recv` gives the bytes of one request
    (`serve` says how many they are) and then the end, `sendall` and `sendfile` keep what the client does not take yet.
    """

    def __init__(self, real: socket.socket) -> None:
        self.real = real
        self.real.setblocking(False)
        self.received = bytearray()
        self.has_continued = False
        self.fell_short = False
        self._left = 0
        self._unsent: deque[memoryview] = deque()
        self._broken = False

    # -- for the event loop

    def receive(self) -> bool:
        """Take what has come in; False when the client sends no more."""
        try:
            part = self.real.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        self.received += part
        return bool(part)

    def serve(self, length: int) -> None:
        """The next so many bytes are a request, for a thread to read."""
        self._left = length
        self.has_continued = False

    def discard_rest(self) -> None:
        """Of a request, what nobody read."""
        del self.received[: self._left]
        self._left = 0

    def flush(self) -> bool:
        """Send what the client takes; True when nothing is left, or nobody is there to take it."""
        try:
            while self._unsent:
                sent = self.real.send(self._unsent[0])
                rest = self._unsent.popleft()[sent:]
                if rest:
                    self._unsent.appendleft(rest)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            self._broken = True
            self._unsent.clear()
        return True

    @property
    def is_broken(self) -> bool:
        return self._broken

    # -- for gunicorn, in a thread

    def recv(self, size: int, *_: Any) -> bytes:
        taken = bytes(self.received[: min(size, self._left)])
        del self.received[: len(taken)]
        self._left -= len(taken)
        self.fell_short = self.fell_short or not taken  # gunicorn takes the request to be longer: the connection ends.
        return taken

    def sendall(self, data: bytes) -> None:
        if data:
            self._unsent.append(memoryview(data))
        self.flush()
        if self._broken:
            raise BrokenPipeError(32, "the client is gone")

    def send(self, data: bytes) -> int:
        """gunicorn uses it to ask for a body, which is here already if it asked to be."""
        if data != CONTINUE:
            self.sendall(data)
        return len(data)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """The file is mapped, and once: however many are slow to take it, it costs one descriptor and no memory."""
        status = os.fstat(file.fileno())
        mapped = _mapped(file.name, status.st_ino, status.st_mtime_ns)
        view = memoryview(mapped)[offset : None if count is None else offset + count]
        self._unsent.append(view)
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
