"""Choose one of several documents to write, so that transactions rarely write the same one."""

import itertools
import os
import secrets
import threading

from rollbook.storage.transactions import run_before_retry

THREADS = 16
"""How many threads have shards that the next process does not use."""


class ShardChooser:
    """Chooses between shards 0 to `count` - 1. Each thread keeps its own.

    After a conflict the transaction gets another one, since a process that died may hold the first
    one for a while.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads = itertools.count()
        self._mine = threading.local()

    def choose(self) -> int:
        """Return a shard for the current transaction."""
        run_before_retry(self._move_on)
        if not hasattr(self._mine, "shard"):
            self._mine.shard = (os.getpid() * THREADS + next(self._threads)) % self._count
        shard: int = self._mine.shard
        return shard

    def _move_on(self) -> None:
        self._mine.shard = secrets.randbelow(self._count)
