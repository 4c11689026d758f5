"""The pollers of a worker: each event goes to one thread, once."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from selectors import EVENT_READ, EVENT_WRITE

import httpx
import pytest

from rollbook.buffering.pollers import OneShotEpoll, OneShotSelector
from tests.harness.serving import serving

WITHOUT_EPOLL = "import select, selectors\ndel select.epoll\n"
"""`selectors` keeps it. Like kqueue, it sees what another thread registers meanwhile."""


@pytest.fixture(params=[OneShotEpoll, OneShotSelector])
def poller(request):
    poller = request.param()
    yield poller
    poller.close()


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def ignore(sock): ...


def test_event_is_delivered_once(poller, pair):
    one, other = pair
    other.send(b"x")
    poller.register(one, EVENT_READ, ignore)
    assert poller.wait() == (ignore, one)
    poller.register(other, EVENT_WRITE, ignore)
    assert poller.wait() == (ignore, other)


def test_event_can_be_asked_for_again(poller, pair):
    one, other = pair
    other.send(b"x")
    for _ in range(3):
        poller.register(one, EVENT_READ, ignore)
        assert poller.wait() == (ignore, one)


def test_nothing_comes_of_a_wait_that_ended(poller, pair):
    one, other = pair
    poller.register(one, EVENT_READ, ignore)
    poller.unregister(one)
    poller.unregister(one)
    other.send(b"x")
    poller.register(other, EVENT_WRITE, ignore)
    assert poller.wait() == (ignore, other)


def test_number_of_a_closed_socket_can_be_used_again(poller):
    for _ in range(3):
        one, other = socket.socketpair()
        with one, other:
            other.send(b"x")
            poller.register(one, EVENT_READ, ignore)
            assert poller.wait() == (ignore, one)


def test_thread_with_work_does_not_wait_for_others(poller, pair):
    one, other = pair
    poller.register(one, EVENT_READ, ignore)
    thread = threading.Thread(target=poller.wait, daemon=True)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    assert poller.wait(blocks=False) is None
    other.send(b"x")
    thread.join(5)
    assert not thread.is_alive()


def test_kernel_gives_each_event_to_one_of_the_threads(pair):
    poller, delivered = OneShotEpoll(), []
    one, other = pair

    def wait():
        delivered.append(poller.wait())

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    other.send(b"x")
    for number in range(4):
        poller.register(one, EVENT_READ, ignore)
        while len(delivered) <= number:
            threads[0].join(0.01)
    for thread in threads:
        thread.join(5)
    assert len(delivered) == 4
    poller.close()


@pytest.mark.long
def test_server_works_where_there_is_no_epoll(tmp_path, mongod):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_EPOLL)
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "pollers", "PYTHONPATH": tmp_path}
    with serving(tmp_path, WORKERS=1, **settings) as server:
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url) as http, ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: http.get("/api/users").status_code, range(200)))
        assert set(statuses) == {200}
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
            received = b""
            while received.count(b'"pong"') < 3:
                received += client.recv(65_536)
        assert server.stop() == 0
