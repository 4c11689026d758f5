"""A worker refuses requests that have waited too long, rather than answering all of them late."""

import time
from collections.abc import Callable, Mapping

from rollbook.buffering.accepting import AcceptingWorker
from rollbook.buffering.connections import Connection
from rollbook.buffering.refusals import find_header, refuse
from rollbook.buffering.requests import Request
from rollbook.kit.errors import AppError, Overloaded

PATIENCE_SECONDS = 3.0
"""How long a complete request waits for a thread: MongoDB may be electing another primary."""
OVERLOAD_SECONDS = 0.3
"""How long it waits when no thread has been free for PATIENCE_SECONDS."""


class QueueingWorker(AcceptingWorker):
    """The base of `BufferingWorker`.

    `probes`: paths whose requests are handled however long they have waited, since a server that is
    only busy must not be killed. `build_cors_headers` lets the pages of an origin read a refusal.
    """

    probes: frozenset[bytes] = frozenset()
    build_cors_headers: Callable[[str], Mapping[str, str]] = staticmethod(lambda _: {})

    def _queue(self, connection: Connection) -> None:
        connection.ready_at = time.monotonic()
        self._ready.append(connection)

    def _is_overdue(self, connection: Connection) -> bool:
        """Return whether a complete request has waited for so long that its client may be gone."""
        now = time.monotonic()
        is_overloaded = now - self._idle_at > PATIENCE_SECONDS
        limit = OVERLOAD_SECONDS if is_overloaded else PATIENCE_SECONDS
        return now - connection.ready_at > limit

    def _refuse_overdue(self, connection: Connection, request: Request) -> None:
        refuse(
            connection,
            Overloaded(),
            request=request,
            keeps_alive=request.keeps_alive and self.alive,
            cors_headers=self.build_cors_headers(find_header(request, b"origin")),
        )

    def _end_queue(self) -> None:
        """Refuse what is overdue while all threads are busy."""
        kept = []
        while self._ready and self._is_overdue(self._ready[0]):
            connection = self._ready.popleft()
            if connection.reader.next_target in self.probes:
                kept.append(connection)
                continue
            request = connection.reader.take_complete()
            if isinstance(request, AppError):
                refuse(connection, request)
            else:
                self._refuse_overdue(connection, request)
            self._finish(connection, is_sent=connection.flush())
        self._ready.extendleft(reversed(kept))
