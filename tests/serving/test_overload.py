"""More requests than a server can handle: some are refused soon, not all answered late."""

import json
import re
import socket
import time
from collections import Counter
from contextlib import ExitStack, closing

import httpx
import pytest

from tests.harness.serving import serving

CONNECTIONS, PIPELINED = 250, 90
USERS = 100
LIST = b"GET /api/users?page_size=20&fields=id HTTP/1.1\r\nHost: x\r\n\r\n"
ORIGIN = "https://app.example.com"
HEAD = (
    b"HEAD /api/users HTTP/1.1\r\nHost: x\r\nX-Request-ID: trace-7\r\n"
    b"Origin: https://app.example.com\r\n\r\n"
)
PROBE = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def slow_server(mongod, tmp_path_factory):
    """A hash takes a quarter of a second."""
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "slow_hash", "WORKERS": 1}
    with serving(tmp_path_factory.mktemp("slow"), BCRYPT_ROUNDS=12, **settings) as server:
        server.await_status("/ready", 200)
        yield server


@pytest.fixture
def server(mongod, tmp_path):
    """One process that handles one request at a time."""
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "overload", "WORKERS": 1}
    with serving(tmp_path, THREADS=1, CORS_ORIGINS=ORIGIN, **settings) as server:
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url) as http:
            for number in range(USERS):
                body = {"name": "Ada", "email": f"a{number}@house.org", "password": "so many words"}
                assert http.post("/api/users", json=body).status_code == 201
        yield server


class Connection:
    def __init__(self, server):
        address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
        self.sock = socket.create_connection(address, timeout=20)
        self._received = b""

    def send(self, data):
        self.sock.sendall(data)

    def read(self, *, has_body=True):
        """Read one response, and return its status, its head and its body."""
        while b"\r\n\r\n" not in self._received:
            self._receive()
        head, _, rest = self._received.partition(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head.lower())
        length = int(found[1]) if found and has_body else 0
        self._received = rest
        while len(self._received) < length:
            self._receive()
        body, self._received = self._received[:length], self._received[length:]
        return int(head[9:12]), head, body

    def close(self):
        self.sock.close()

    def _receive(self):
        received = self.sock.recv(1 << 20)
        assert received, "the server has closed the connection"
        self._received += received


@pytest.mark.long
def test_requests_that_wait_too_long_are_refused(server):
    """Under a load that lasts: a burst of three seconds is served."""
    with ExitStack() as stack:
        connections = [open_connection(stack, server) for _ in range(CONNECTIONS)]
        extra = open_connection(stack, server)
        for connection in connections:
            connection.send(LIST * PIPELINED)
        head = send_until_refused(extra)
        assert b"\r\nRetry-After: 1" in head
        assert b"\r\nX-Request-ID: trace-7\r\n" in head
        assert f"\r\nAccess-Control-Allow-Origin: {ORIGIN}\r\n".encode() in head
        require_some_refused(connections, server)
        later = open_connection(stack, server)
        later.send(LIST)
        assert later.read()[0] == 200


def open_connection(stack, server):
    return stack.enter_context(closing(Connection(server)))


def send_until_refused(extra):
    """Return the head of the first refusal. A probe is served, on a connection that goes on."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        extra.send(HEAD + PROBE)
        status, head, _ = extra.read(has_body=False)
        assert extra.read()[0] == 200
        if status == 503:
            return head
    raise AssertionError("nothing was refused")


def require_some_refused(connections, server):
    answers = [each.read() for each in connections for _ in range(PIPELINED)]
    counts = Counter(status for status, *_ in answers)
    assert set(counts) == {200, 503}
    assert counts[200] > 500
    refused = [body for status, _, body in answers if status == 503]
    assert {json.loads(body)["error"]["code"] for body in refused} == {"overloaded"}
    metrics = httpx.get(f"{server.url}/metrics").text
    name = 'rollbook_http_requests_refused_total{code="overloaded"}'
    assert f"{name} {len(refused) + 1}.0" in metrics


@pytest.mark.parametrize("round_", range(5))
def test_slow_request_delays_no_other_one_of_an_idle_server(slow_server, round_):
    """Both arrive at once. A thread that took both events would let one wait for the other."""
    slow, fast = Connection(slow_server), Connection(slow_server)
    body = b'{"email":"nobody@house.org","password":"a wrong password"}'
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    slow.send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    fast.send(LIST)
    began = time.monotonic()
    assert fast.read()[0] == 200
    assert time.monotonic() - began < 0.15
    assert slow.read()[0] == 401
    assert time.monotonic() - began > 0.2
    for each in (slow, fast):
        each.sock.close()
