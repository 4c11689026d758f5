"""A worker of gunicorn whose threads all wait for requests themselves.

In gunicorn's threaded worker, each request passes from an event loop to a thread and back, which
costs two wake-ups. Here the kernel gives an event to one of the threads that wait, and that thread
handles the request.
"""

import logging
import os
import select
import threading
import time
from collections import deque
from typing import Any

from gunicorn.workers.base import Worker

from rollbook.buffering.pollers import OneShotEpoll, OneShotSelector
from rollbook.kit.turns import Turns

HEARTBEAT_SECONDS = 0.1
"""How often deadlines are looked at, and what has arrived while all threads are busy."""
MAX_SIGNALS = 1024
DRAIN_LIMIT_SECONDS = 10
"""How long a worker that stops waits for its last connections to end."""
DRAIN_SECONDS = 0.05
"""The pause between two looks at the connections while a worker stops."""
EVENTS_AT_ONCE = 20
"""So many events are taken at once while all threads are busy, so that each wait is measured."""
logger = logging.getLogger(__name__)


class WaitingWorker(Worker):
    """The base of `BufferingWorker`, which says what to do with the events of a connection.

    After a signal, it serves for `stop_delay` seconds more. Of its threads, `max_at_once` handle a
    request at the same time, apart from those that wait.

    Whatever changes a connection or a list of them holds `_changing`; a request is handled without.
    """

    max_at_once = 4
    stop_delay = 0.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._ready: deque[Any] = deque()
        self._wake_times: deque[float] = deque()
        self._changing = threading.RLock()
        self._turns = Turns(self.max_at_once)
        self._threads_waiting = 0
        self._idle_at = time.monotonic()
        self._is_replaced = False

    def init_process(self) -> None:
        self.poller = OneShotEpoll() if hasattr(select, "epoll") else OneShotSelector()
        for listener in self.sockets:
            listener.setblocking(False)
        super().init_process()

    def run(self) -> None:
        """Serve until a signal or `max_requests`, then finish what has begun."""
        self._keep_up()
        for _ in range(self.cfg.threads):
            threading.Thread(target=self._serve, daemon=True).start()
        while self.alive and self.ppid == os.getppid():
            self._sleep()
            self._keep_up()
        if not self._is_replaced:
            self._serve_for(self.stop_delay)
        self._drain()

    def wake_at(self, moment: float) -> None:
        """Let `_end_waits` be called at a time of the monotonic clock, within a second."""
        self._wake_times.append(moment)
        os.write(self.PIPE[1], b"w")

    def _sleep(self) -> None:
        """Sleep until the next heartbeat, a signal, or the earliest time of `wake_at`.

        gunicorn writes a byte into PIPE for each signal.
        """
        seconds = HEARTBEAT_SECONDS
        while self.alive:
            signals, _, _ = select.select([self.PIPE[0]], [], [], seconds)
            if signals:
                os.read(self.PIPE[0], MAX_SIGNALS)
            if not self._wake_times:
                return
            seconds = self._wake_times.popleft() - time.monotonic()
            if seconds <= 0:
                return

    def _serve_for(self, seconds: float) -> None:
        """Serve on, so that a balancer can see that this server is not ready any more."""
        self.alive = False
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._keep_up()
            time.sleep(DRAIN_SECONDS)

    def _drain(self) -> None:
        """Accept nothing more, and wait for the connections to end."""
        with self._changing:
            self._begin_to_stop()
        deadline = time.monotonic() + DRAIN_LIMIT_SECONDS
        while self._has_connections() and time.monotonic() < deadline:
            self._keep_up()
            time.sleep(DRAIN_SECONDS)

    def _serve(self) -> None:
        """Handle one request after the other."""
        try:
            while True:
                connection = self._await_request()
                with self._turns.take(waited=time.monotonic() - connection.ready_at):
                    self._handle(connection)
                is_sent = connection.flush()
                with self._changing:
                    self._finish(connection, is_sent=is_sent)
                    self._count_request()
        except Exception:
            self.log.exception("A thread failed; another worker takes over.")
            self.alive = False

    def _count_request(self) -> None:
        """Let gunicorn start another process after `max_requests` of this one."""
        self.nr += 1
        if self.nr == self.max_requests and self.alive:
            logger.info("replacing a process after %d requests", self.nr)
            self._is_replaced = True
            self.alive = False
            os.write(self.PIPE[1], b"r")

    def _await_request(self) -> Any:
        """Return a connection that has sent a complete request.

        New events come first: clients that send requests without waiting for responses would
        otherwise keep all threads from others.
        """
        while True:
            with self._changing:
                self._take_events()
                if self._ready:
                    return self._ready.popleft()
                self._threads_waiting += 1
                self._idle_at = time.monotonic()
            event = self.poller.wait()
            with self._changing:
                self._threads_waiting -= 1
                self._call(event)

    def _take_events(self) -> None:
        """Take what has arrived, unless a thread waits for it: that one handles it sooner."""
        for _ in range(EVENTS_AT_ONCE):
            event = None if self._threads_waiting else self.poller.wait(blocks=False)
            if event is None:
                return
            self._call(event)

    def _call(self, event: Any) -> None:
        if event is not None:
            callback, sock = event
            callback(sock)

    def _keep_up(self) -> None:
        """Do what is due by the clock."""
        self.notify()
        with self._changing:
            self._take_events()
            self._end_waits()

    def _has_connections(self) -> bool:
        raise NotImplementedError

    def _begin_to_stop(self) -> None:
        """Accept nothing more, and shorten the deadlines of all connections."""
        raise NotImplementedError

    def _end_waits(self) -> None:
        """Accept connections or not, and end the waits that are past their deadlines."""
        raise NotImplementedError

    def _handle(self, connection: Any) -> None:
        """Handle one request, without the lock."""
        raise NotImplementedError

    def _finish(self, connection: Any, *, is_sent: bool) -> None:
        """Go on with a connection after a request."""
        raise NotImplementedError
