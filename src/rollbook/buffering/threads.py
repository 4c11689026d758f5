"""gunicorn's threaded worker, whose threads all wait for requests themselves.

In gunicorn's own worker, each request passes from an event loop to a thread and back, which costs
two wake-ups. Here the kernel gives an event to one of the threads that wait, and that thread
handles the request.
"""

import os
import select
import threading
import time
from collections import deque
from contextlib import nullcontext, suppress
from typing import Any

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from rollbook.buffering.pollers import OneShotEpoll, OneShotSelector

HEARTBEAT_SECONDS = 1.0
"""How often gunicorn's master hears from a worker, and expired connections are looked for."""
MAX_SIGNALS = 1024
DRAIN_SECONDS = 0.05
"""The same while a worker stops."""


class WaitingWorker(ThreadWorker):  # type: ignore[misc] # gunicorn is not typed
    """The base of `BufferingWorker`, which says what to do with the events of a connection.

    Whatever changes a connection or a list of them holds `_changing`; a request is handled without.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._requests: deque[Any] = deque()
        self._changing = threading.RLock()

    def init_process(self) -> None:
        self.tpool = self.get_thread_pool()
        self.poller = OneShotEpoll() if hasattr(select, "epoll") else OneShotSelector()
        self._turn = nullcontext() if self.poller.is_shared else threading.Lock()
        super(ThreadWorker, self).init_process()

    def handle_exit(self, *_: Any) -> None:
        self.alive = False

    def run(self) -> None:
        """Serve until a signal, then finish what has begun."""
        self.set_accept_enabled(True)
        for _ in range(self.cfg.threads):
            threading.Thread(target=self._serve, daemon=True).start()
        while self.alive and self.is_parent_alive():
            self._keep_up()
            self._sleep(HEARTBEAT_SECONDS)
        self._drain()

    def _sleep(self, seconds: float) -> None:
        """Sleep until a signal arrives, of which gunicorn writes a byte into PIPE."""
        signals, _, _ = select.select([self.PIPE[0]], [], [], seconds)
        if signals:
            os.read(self.PIPE[0], MAX_SIGNALS)

    def _drain(self) -> None:
        """Accept nothing more, and wait for the connections to end."""
        with self._changing:
            self.set_accept_enabled(False)
            self._cap_keepalive(time.monotonic() + STOP_KEEPALIVE_LINGER)
        deadline = time.monotonic() + self.cfg.graceful_timeout
        while self.nr_conns > 0 and time.monotonic() < deadline:
            self._keep_up()
            time.sleep(DRAIN_SECONDS)
        for listener in self.sockets:
            listener.close()

    def _serve(self) -> None:
        """Handle one request after the other."""
        try:
            while True:
                conn = self._await_request()
                keep_alive = self.handle(conn) is True
                is_sent = conn.sock.flush()
                with self._changing:
                    self._finish(conn, keep_alive=keep_alive, is_sent=is_sent)
        except Exception:
            self.log.exception("A thread failed; another worker takes over.")
            self.alive = False

    def _await_request(self) -> Any:
        """Return a connection that has sent a complete request."""
        while True:
            with suppress(IndexError):
                return self._requests.popleft()
            with self._turn:
                events = self.poller.wait()
            with self._changing:
                for callback, sock in events:
                    callback(sock)

    def _keep_up(self) -> None:
        """Do what is due by the clock."""
        self.notify()
        with self._changing:
            self.set_accept_enabled(self.alive and self.nr_conns < self.worker_connections)
            self.murder_keepalived()
            self.murder_pending()

    def enqueue_req(self, conn: Any) -> None:
        self._requests.append(conn)

    def _finish(self, conn: Any, *, keep_alive: bool, is_sent: bool) -> None:
        """Go on with a connection after a request."""
        raise NotImplementedError
