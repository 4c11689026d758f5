"""gunicorn's threaded worker, in which slow clients occupy no thread.

In gunicorn's own worker, a thread waits for every byte of a body, and until the client has read
the last byte of the response: a few slow clients stop the API. Here a thread reads what has
arrived, and handles a request when it is complete; a response that the client does not read at
once is sent later. Everything has a deadline.
"""

import errno
import socket
import time
from collections import deque
from contextlib import suppress
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

import gunicorn.util
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn

from rollbook.buffering.requests import Request, RequestReader
from rollbook.buffering.sockets import CONTINUE, BufferedSocket
from rollbook.buffering.threads import WaitingWorker

REQUEST_SECONDS = 20
"""For a request, from its first byte to its last."""
RESPONSE_SECONDS = 60
"""For a response."""
LINGER_SECONDS = 5
"""How long incoming data is dropped after the last response, which the client can then read.

RFC 9112 §9.6 gives the reason.
"""
PAUSE_SECONDS = 1
"""Before connections are accepted again, when no file descriptor was left."""
TIMED_OUT = 408


class BufferingWorker(WaitingWorker):
    """`max_body_bytes`: a larger body is passed on as soon as that is known."""

    max_body_bytes = 65_536

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sending: deque[Any] = deque()
        self.lingering: deque[Any] = deque()
        self._accepts_from = 0.0

    def accept(self, listener: Any) -> None:
        """Accept connections. Without a free descriptor, wait until a connection ends."""
        self._accepting = False
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._accepts_from = time.monotonic() + PAUSE_SECONDS
            self.set_accept_enabled(True)
            return
        self.nr_conns += 1
        conn = TConn(self.cfg, BufferedSocket(client), address, listener.getsockname())
        conn.reader = RequestReader(self.max_body_bytes)
        conn.data_ready = True
        conn.waits = 0
        self._wait(conn, self.keepalived_conns, self.cfg.keepalive, EVENT_READ, self._on_readable)
        self.set_accept_enabled(self.nr_conns < self.worker_connections)

    def set_accept_enabled(self, enabled: bool) -> None:
        if not enabled or (self.alive and time.monotonic() >= self._accepts_from):
            super().set_accept_enabled(enabled)

    def _on_readable(self, conn: Any) -> None:
        is_open = conn.sock.receive()
        if conn in self.keepalived_conns and conn.sock.received:
            self._stop_waiting(conn, self.keepalived_conns)
            self._wait(conn, self.pending_conns, REQUEST_SECONDS, EVENT_READ, self._on_readable)
        request = conn.reader.find_request(conn.sock.received)
        if request is None and is_open:
            self._send_continue(conn)
            self._wait_again(conn, EVENT_READ, self._on_readable)
            return
        self._stop_waiting(conn, self.keepalived_conns, self.pending_conns)
        if conn.sock.received:
            conn.request = request or Request(len(conn.sock.received), whole=False)
            conn.sock.serve(conn.request.length)
            self.enqueue_req(conn)
        else:
            self._close(conn)

    def _send_continue(self, conn: Any) -> None:
        if not conn.sock.has_continued and conn.reader.expects_continue:
            conn.sock.has_continued = True
            with suppress(OSError):
                conn.sock.sendall(CONTINUE)
                conn.sock.flush()

    def _finish(self, conn: Any, *, keep_alive: bool, is_sent: bool) -> None:
        """Send the rest of the response, if the client has not read all of it yet."""
        conn.keep_alive = keep_alive and conn.request.whole and not conn.sock.read_past_end
        if is_sent:
            self._on_sent(conn)
        else:
            self._wait(conn, self.sending, RESPONSE_SECONDS, EVENT_WRITE, self._on_writable)

    def _on_writable(self, conn: Any) -> None:
        if conn.sock.flush():
            self._stop_waiting(conn, self.sending)
            self._on_sent(conn)
        else:
            self._wait_again(conn, EVENT_WRITE, self._on_writable)

    def _on_sent(self, conn: Any) -> None:
        if conn.keep_alive and not conn.sock.is_broken:
            conn.sock.discard_rest()
            conn.reader.start_request()
            idle = self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
            self._wait(conn, self.keepalived_conns, idle, EVENT_READ, self._on_readable)
            if conn.sock.received:  # The client sends requests without waiting for responses.
                self._on_readable(conn)
        else:
            self._linger(conn)

    def _linger(self, conn: Any) -> None:
        try:
            conn.sock.flush()
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.sock.received.clear()
        self._wait(conn, self.lingering, LINGER_SECONDS, EVENT_READ, self._on_trailing)

    def _on_trailing(self, conn: Any) -> None:
        if conn.sock.receive():
            conn.sock.received.clear()
            self._wait_again(conn, EVENT_READ, self._on_trailing)
        else:
            self._stop_waiting(conn, self.lingering)
            self._close(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        for conn in self._expired(self.keepalived_conns, force=force):
            self._close(conn)

    def murder_pending(self) -> None:
        """Close connections that take too long to send, to read a response, or to close."""
        for conn in self._expired(self.pending_conns):
            with suppress(OSError):
                gunicorn.util.write_error(conn.sock, TIMED_OUT, "Request Timeout", "")
            self._linger(conn)
        for conn in [*self._expired(self.sending), *self._expired(self.lingering)]:
            self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Limit the time of all connections.

        A worker that stops waits for its threads, not for clients.
        """
        super()._cap_keepalive(deadline)
        for conn in [*self.pending_conns, *self.sending, *self.lingering]:
            conn.timeout = min(conn.timeout, deadline)

    def _expired(self, conns: "deque[Any]", *, force: bool = False) -> list[Any]:
        """Remove the expired connections, and return them.

        `conns` is in the order in which they expire.
        """
        now, expired = time.monotonic(), []
        while conns and (force or conns[0].timeout <= now):
            expired.append(conns[0])
            self._stop_waiting(conns[0], conns)
        return expired

    def _wait(self, conn: Any, conns: "deque[Any]", seconds: float, event: int, then: Any) -> None:
        conn.timeout = time.monotonic() + seconds
        conns.append(conn)
        self._wait_again(conn, event, then)

    def _wait_again(self, conn: Any, event: int, then: Any) -> None:
        """Wait for the next event, until the same deadline.

        Another thread may have received the event just before the deadline ended the wait: then it
        concerns a wait that is over.
        """
        conn.waits = waits = conn.waits + 1
        self.poller.register(
            conn.sock.real, event, lambda _: then(conn) if conn.waits == waits else None
        )

    def _stop_waiting(self, conn: Any, *lists: "deque[Any]") -> None:
        conn.waits += 1
        for conns in lists:
            with suppress(ValueError):
                conns.remove(conn)
        self.poller.unregister(conn.sock.real)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.sock.close()


def make_worker_class(max_body_bytes: int) -> type[BufferingWorker]:
    """Create a worker class for gunicorn's settings."""
    return type("RollbookWorker", (BufferingWorker,), {"max_body_bytes": max_body_bytes})
