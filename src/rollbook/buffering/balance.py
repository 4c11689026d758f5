"""How many connections each worker of a server has, in memory that all of them share.

The kernel gives a new connection to any worker that waits for one, so one of two workers may get
most of them while the other idles. A worker lets others go first while one of them has fewer.
"""

import mmap
import struct
import time
from collections.abc import Iterator

MAX_WORKERS = 64
STALE_SECONDS = 3.0
"""After that, a worker that has not said how many it has is taken for dead."""
_SLOT = struct.Struct("=id")
"""The number of connections, and when it was written, in seconds of the monotonic clock."""


class Balance:
    """Create it before the workers are forked. `number` tells them apart."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, MAX_WORKERS * _SLOT.size)

    def write(self, number: int, count: int) -> None:
        """Say how many connections worker `number` has. Call it every second, too."""
        start = number % MAX_WORKERS * _SLOT.size
        _SLOT.pack_into(self._memory, start, count, time.monotonic())

    def has_fewer(self, number: int, count: int) -> bool:
        """Return whether a worker other than `number` has fewer than `count` connections."""
        return any(each < count for each in self._read_others(number % MAX_WORKERS))

    def _read_others(self, own: int) -> Iterator[int]:
        since = time.monotonic() - STALE_SECONDS
        for slot, (count, written) in enumerate(_SLOT.iter_unpack(self._memory)):
            if slot != own and written > since:
                yield count
