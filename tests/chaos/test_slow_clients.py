"""Hundreds of clients that send or read slowly, through the shipped nginx and straight."""

import os
import socket
import ssl
import time
from contextlib import suppress

import httpx
import pytest

from tests.harness.nginx import BINARY, serving_behind_nginx

CLIENTS = 500
SECONDS = 25
"""rollbook gives a request 20 s, nginx 10 s between two reads or writes."""
MAX_P99 = 0.1
HALF_OPEN = b"GET /api/users HTTP/1.1\r\nHost: x\r\n"
SLOW_BODY = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SLOW_BODY += b"Content-Length: 1000\r\n\r\n{"
SLOW_READ = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
KINDS = {"half-open headers": HALF_OPEN, "slow bodies": SLOW_BODY, "slow readers": SLOW_READ}
DRIP = {"half-open headers": b"X-A: b\r\n", "slow bodies": b" ", "slow readers": None}
pytestmark = [
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="run make chaos"),
    pytest.mark.skipif(BINARY is None, reason="needs nginx"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def edge(mongod, tmp_path_factory):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "slow", "LOG_LEVEL": "WARNING"}
    with serving_behind_nginx(tmp_path_factory.mktemp("slow"), WORKERS=2, **settings) as edge:
        yield edge


class SlowClients:
    """`url` is where they connect to; with `trust` by TLS. They come from fifty addresses."""

    def __init__(self, kind, url, trust=None):
        self._kind = kind
        self._port = int(url.rpartition(":")[2])
        self._trust = trust
        self.sockets = []
        for number in range(CLIENTS):
            with suppress(OSError):
                self.sockets.append(self._connect(number))

    def _connect(self, number):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(10)
        sock.bind((f"127.0.0.{2 + number % 50}", 0))
        sock.connect(("127.0.0.1", self._port))
        if self._trust:
            sock = self._trust.wrap_socket(sock, server_hostname="localhost")
        sock.sendall(KINDS[self._kind])
        return sock

    def go_on(self):
        """Send or read one more byte. Those whose connection was ended give up."""
        for sock in list(self.sockets):
            try:
                if DRIP[self._kind] is None:
                    sock.setblocking(False)
                    with suppress(BlockingIOError, ssl.SSLWantReadError):
                        sock.recv(1)
                else:
                    sock.sendall(DRIP[self._kind])
            except OSError:
                self.sockets.remove(sock)
                sock.close()

    def close(self):
        for sock in self.sockets:
            sock.close()


def measure(url, clients, seconds, **options):
    """Send healthy requests meanwhile, and return how long each took."""
    took, until = [], time.monotonic() + seconds
    due = time.monotonic() + 1
    with httpx.Client(base_url=url, timeout=30, **options) as http:
        while time.monotonic() < until:
            began = time.monotonic()
            assert http.get("/api/users").status_code == 200
            took.append(time.monotonic() - began)
            time.sleep(0.02)
            if time.monotonic() > due:
                clients.go_on()
                due = time.monotonic() + 1
    return sorted(took)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["through nginx", "straight"])
def test_slow_clients_delay_nobody_else(way, kind, edge, capsys):
    is_direct = way == "straight"
    url = edge.server.url if is_direct else edge.url
    clients = SlowClients(kind, url, None if is_direct else edge.trust)
    connected = len(clients.sockets)
    try:
        took = measure(url, clients, SECONDS, verify=edge.trust)
    finally:
        clients.close()
    with capsys.disabled():
        told = f"{connected} {kind} {way}"
        print(f"\n{told}: GET p99 {took[len(took) * 99 // 100] * 1000:.0f} ms,", end=" ")
        print(f"slowest {took[-1] * 1000:.0f} ms; {len(clients.sockets)} left after {SECONDS} s")
    assert connected == CLIENTS
    assert took[len(took) * 99 // 100] < MAX_P99
