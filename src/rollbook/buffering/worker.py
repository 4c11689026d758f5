"""gunicorn's worker of rollbook, in which slow clients occupy no thread.

In gunicorn's own workers, a thread waits for every byte of a body, and until the client has read
the last byte of the response: a few slow clients stop the API. Here a thread reads what has
arrived, and handles a request when it is complete; a response that the client does not read at
once is sent later. Everything has a deadline.
"""

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from rollbook.buffering.balance import Balance
from rollbook.buffering.connections import Connection
from rollbook.buffering.gateway import respond
from rollbook.buffering.queueing import QueueingWorker
from rollbook.buffering.refusals import refuse
from rollbook.kit.errors import AppError, RequestTimeout

REQUEST_SECONDS = 20
"""For a request, from its first byte to its last."""
RESPONSE_SECONDS = 60
"""For a response."""
IDLE_SECONDS = 15
"""Between two requests."""
STOP_SECONDS = 2
"""For every wait, while the worker stops: it waits for its threads, not for clients."""
LINGER_SECONDS = 5
"""How long incoming data is dropped after the last response, which the client can then read.

RFC 9112 §9.6 gives the reason.
"""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Waiting = dict[Connection, None]
"""Connections in the order of their deadlines."""


class BufferingWorker(QueueingWorker):
    """A connection is in one of four lists while it waits, and in none while a thread has it.

    `max_body_bytes`: of a larger body, no more than that is read.
    """

    max_body_bytes = 65_536

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._idle: Waiting = {}
        self._receiving: Waiting = {}
        self._sending: Waiting = {}
        self._lingering: Waiting = {}

    def _begin_to_stop(self) -> None:
        self._close_listeners()
        deadline = time.monotonic() + STOP_SECONDS
        for connections in (self._idle, self._receiving, self._sending, self._lingering):
            for connection in connections:
                connection.deadline = min(connection.deadline, deadline)

    def _count_open(self) -> int:
        return self._count - len(self._lingering)

    def _open(self, client: socket.socket, peer: Any, server: Any) -> None:
        connection = Connection(client, peer, server, self.max_body_bytes)
        self._wait(connection, self._idle, IDLE_SECONDS, EVENT_READ, self._on_readable)

    def _on_readable(self, connection: Connection) -> None:
        received = connection.receive()
        reader = connection.reader
        if received is None:
            reader.end()
        elif received:
            reader.feed(received)
        if reader.has_complete:
            self._stop_waiting(connection, self._idle, self._receiving)
            self._queue(connection)
        elif received is None:
            self._stop_waiting(connection, self._idle, self._receiving)
            self._close(connection)
        else:
            self._wait_for_rest(connection)

    def _wait_for_rest(self, connection: Connection) -> None:
        """Wait until more of a request arrives, until the deadline for all of it."""
        self._send_continue(connection)
        if connection in self._idle and connection.reader.is_within_request:
            self._stop_waiting(connection, self._idle)
            self._wait(connection, self._receiving, REQUEST_SECONDS, EVENT_READ, self._on_readable)
        else:
            self._wait_again(connection, EVENT_READ, self._on_readable)

    def _send_continue(self, connection: Connection) -> None:
        if connection.reader.take_continue():
            connection.send(CONTINUE)
            connection.flush()

    def _handle(self, connection: Connection) -> None:
        request = connection.reader.take_complete()
        if isinstance(request, AppError):
            refuse(connection, request)
            return
        if self._is_overdue(connection) and request.target not in self.probes:
            self._refuse_overdue(connection, request)
            return
        connection.keeps_alive = self.alive
        is_stopping = not self.alive and not self._is_replaced
        try:
            respond(self.wsgi, request, connection, is_stopping=is_stopping)
        except Exception:
            self.log.exception("error handling a request")
            connection.discard_unsent()
            refuse(connection, AppError())

    def _finish(self, connection: Connection, *, is_sent: bool) -> None:
        """Send the rest of the response, if the client has not read all of it yet."""
        if is_sent:
            self._on_sent(connection)
        else:
            self._wait(connection, self._sending, RESPONSE_SECONDS, EVENT_WRITE, self._on_writable)

    def _on_writable(self, connection: Connection) -> None:
        if connection.flush():
            self._stop_waiting(connection, self._sending)
            self._on_sent(connection)
        else:
            self._wait_again(connection, EVENT_WRITE, self._on_writable)

    def _on_sent(self, connection: Connection) -> None:
        if not connection.keeps_alive or connection.is_broken:
            self._linger(connection)
        elif connection.reader.has_complete:  # The client does not wait for responses.
            self._queue(connection)
        elif connection.reader.is_within_request:
            self._send_continue(connection)
            self._wait(connection, self._receiving, REQUEST_SECONDS, EVENT_READ, self._on_readable)
        else:
            self._wait(connection, self._idle, IDLE_SECONDS, EVENT_READ, self._on_readable)

    def _linger(self, connection: Connection) -> None:
        try:
            connection.flush()
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
            return
        self._wait(connection, self._lingering, LINGER_SECONDS, EVENT_READ, self._on_trailing)
        self._change_count(0)

    def _on_trailing(self, connection: Connection) -> None:
        if connection.receive() is None:
            self._stop_waiting(connection, self._lingering)
            self._close(connection)
        else:
            self._wait_again(connection, EVENT_READ, self._on_trailing)

    def _end_waits(self) -> None:
        self._change_count(0)
        self._accept_or_not()
        self._end_queue()
        for connection in self._take_expired(self._receiving):
            refuse(connection, RequestTimeout())
            self._linger(connection)
        for connections in (self._idle, self._sending, self._lingering):
            for connection in self._take_expired(connections):
                self._close(connection)

    def _take_expired(self, connections: Waiting) -> list[Connection]:
        """Remove the connections that are past their deadlines, and return them."""
        now, expired = time.monotonic(), []
        for connection in connections:
            if connection.deadline > now:
                break
            expired.append(connection)
        for connection in expired:
            self._stop_waiting(connection, connections)
        return expired

    def _wait(
        self,
        connection: Connection,
        connections: Waiting,
        seconds: float,
        event: int,
        then: Callable[[Connection], None],
    ) -> None:
        connection.deadline = time.monotonic() + (seconds if self._is_open else STOP_SECONDS)
        connections[connection] = None
        self._wait_again(connection, event, then)

    def _wait_again(
        self, connection: Connection, event: int, then: Callable[[Connection], None]
    ) -> None:
        """Wait for the next event, until the same deadline.

        Another thread may have received the event just before the deadline ended the wait: then it
        concerns a wait that is over.
        """
        connection.waits = waits = connection.waits + 1

        def call(_: Any) -> None:
            if connection.waits == waits:
                then(connection)

        self.poller.register(connection.sock, event, call)

    def _stop_waiting(self, connection: Connection, *lists: Waiting) -> None:
        connection.waits += 1
        for connections in lists:
            connections.pop(connection, None)
        self.poller.unregister(connection.sock)

    def _close(self, connection: Connection) -> None:
        self._change_count(-1)
        connection.close()


def make_worker_class(
    *,
    max_body_bytes: int,
    max_at_once: int,
    stop_delay: float,
    probes: Iterable[str],
    build_cors_headers: Callable[[str], Mapping[str, str]],
) -> type[BufferingWorker]:
    """Create a worker class for gunicorn's settings."""
    options = {
        "max_body_bytes": max_body_bytes,
        "max_at_once": max_at_once,
        "stop_delay": stop_delay,
        "balance": Balance(),
        "probes": frozenset(path.encode() for path in probes),
        "build_cors_headers": staticmethod(build_cors_headers),
    }
    return type("RollbookWorker", (BufferingWorker,), options)
