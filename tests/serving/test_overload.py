"""More requests than a server can handle: some are refused soon, not all answered late."""

import json
import socket
import time

import httpx
import pytest

from tests.harness.serving import serving

CONNECTIONS = 400
USERS = 100
LIST = b"GET /api/users?page_size=100 HTTP/1.1\r\nHost: x\r\n\r\n"
PROBE = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def server(mongod, tmp_path):
    """One process that handles one request at a time."""
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "overload", "WORKERS": 1}
    with serving(tmp_path, THREADS=1, **settings) as server:
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url) as http:
            for number in range(USERS):
                body = {"name": "Ada", "email": f"a{number}@house.org", "password": "so many words"}
                assert http.post("/api/users", json=body).status_code == 201
        yield server


def read(sock):
    """Read one response, and return its head and its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += sock.recv(65536)
    return head, body


@pytest.mark.slow
def test_request_that_waited_too_long_is_refused(server):
    address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    sockets = [socket.create_connection(address, timeout=20) for _ in range(CONNECTIONS + 1)]
    began = time.monotonic()
    for sock in sockets[:-1]:
        sock.sendall(LIST)
    sockets[-1].sendall(PROBE)
    answers = [read(sock) for sock in sockets]
    seconds = time.monotonic() - began
    *lists, (probe, _) = answers
    assert probe.startswith(b"HTTP/1.1 200")
    served = [head for head, _ in lists if head.startswith(b"HTTP/1.1 200")]
    refused = [pair for pair in lists if pair[0].startswith(b"HTTP/1.1 503")]
    assert len(served) + len(refused) == CONNECTIONS
    assert len(served) > 20
    assert refused
    for head, body in refused:
        assert b"\r\nRetry-After: 1" in head
        assert json.loads(body)["error"]["code"] == "overloaded"
    assert seconds < 3

    again = sockets[lists.index(refused[-1])]  # The connection goes on.
    again.sendall(LIST)
    assert read(again)[0].startswith(b"HTTP/1.1 200")
    for sock in sockets:
        sock.close()
    metrics = httpx.get(f"{server.url}/metrics").text
    assert f'rollbook_http_requests_refused_total{{code="overloaded"}} {len(refused)}.0' in metrics
