"""Connections are spread over the workers."""

import re
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from rollbook.buffering import balance
from rollbook.buffering.balance import MAX_WORKERS, Balance
from tests.harness.serving import serving, wait_until


@pytest.fixture
def now(monkeypatch):
    class Time:
        seconds = 100.0

        def monotonic(self):
            return self.seconds

    time = Time()
    monkeypatch.setattr(balance, "time", time)
    return time


def test_worker_learns_of_others_with_fewer(now):
    shared = Balance()
    shared.write(1, 5)
    assert not shared.has_fewer(1, 6), "nobody else has said anything"
    shared.write(2, 4)
    assert shared.has_fewer(1, 5)
    assert not shared.has_fewer(1, 4)
    assert not shared.has_fewer(2, 4)


def test_silent_worker_is_taken_for_dead(now):
    shared = Balance()
    shared.write(2, 0)
    now.seconds += balance.STALE_SECONDS + 1
    assert not shared.has_fewer(1, 5)


def test_numbers_of_workers_may_grow(now):
    shared = Balance()
    shared.write(MAX_WORKERS + 1, 3)
    assert shared.has_fewer(2, 4)
    assert not shared.has_fewer(1, 4), "the same place in memory"


THREADS = 18
"""Ten serve requests, and start last; the others belong to MongoDB and to background work."""


def count_threads(pid):
    return len([*Path(f"/proc/{pid}/task").iterdir()])


def count_sockets(pid):
    links = [link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    return sum(bool(re.match(r"socket:", str(link))) for link in links)


@pytest.mark.slow
def test_connections_are_spread_evenly(tmp_path, mongod):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "balance", "WORKERS": 2}
    with serving(tmp_path, **settings) as server, ExitStack() as stack:
        server.await_status("/ready", 200)
        parent = server.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        wait_until(lambda: all(count_threads(child) >= THREADS for child in children))
        before = [count_sockets(child) for child in children]
        host, port = server.url.removeprefix("http://").split(":")
        for _ in range(40):
            stack.enter_context(socket.create_connection((host, int(port))))

        def count_new():
            after = [count_sockets(child) for child in children]
            return [new - old for new, old in zip(after, before, strict=True)]

        wait_until(lambda: sum(count_new()) >= 35)
        assert min(count_new()) >= 12, "sockets for MongoDB come and go"
