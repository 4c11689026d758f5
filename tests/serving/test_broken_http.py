"""Broken HTTP, huge bodies and silent clients, on a running server."""

import http.client as http_client
import json
import socket
import subprocess
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import ADA, PASSWORD
from tests.harness import contract

JSON = {"Content-Type": "application/json"}


def generate_chunks(size):
    yield json.dumps(ADA).encode()
    for _ in range(size // 65_536):
        yield b" " * 65_536


@pytest.mark.parametrize("size", [131_072, 50_000_000])
def test_huge_chunked_body_returns_413_and_uses_no_memory(server, http, users, size):
    users.delete_many({})
    before = get_resident_kilobytes(server)
    try:
        response = http.post("/api/users", content=generate_chunks(size), headers=JSON)
        assert response.status_code == 413
    except httpx.WriteError:
        pass  # The server may close the connection while the client still sends.
    assert users.count_documents({}) == 0
    assert http.get("/ping").status_code == 200
    assert get_resident_kilobytes(server) - before < 20_000


def get_resident_kilobytes(server):
    """The sum over all worker processes."""
    listed = subprocess.run(
        ["ps", "-o", "rss=", "--ppid", str(server.process.pid)], capture_output=True, text=True
    )
    return sum(map(int, listed.stdout.split()))


def test_chunked_body_within_limit_is_accepted(http, users):
    users.delete_many({})
    body = iter([json.dumps(ADA).encode()])
    assert http.post("/api/users", content=body, headers=JSON).status_code == 201


BROKEN_HTTP = {
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "an unknown version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "a space before the colon of a header": (b"GET /ping HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a long line": (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431),
    "two content lengths": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400,
    ),
    "a content length that is no number": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
        400,
    ),
    "a broken chunk": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        400,
    ),
    "an unknown transfer coding": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\n"
        b"Transfer-Encoding: brotli, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a CGI variable as a header": (
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /evil\r\nConnection: close\r\n\r\n",
        404,
    ),
    "contradicting forwarded schemes": (
        b"GET /ping HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n"
        b"X-Forwarded-Ssl: off\r\nConnection: close\r\n\r\n",
        200,
    ),
    "an invalid host": (
        b"GET /nowhere HTTP/1.1\r\nHost: a b{}<>\r\nConnection: close\r\n\r\n",
        400,
    ),
    "a path with raw bytes": (
        b"GET /api/users/\xff\xfe\x80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        400,
    ),
    "an invalid percent-encoding": (
        b"GET /api/users/%zz%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        404,
    ),
    "an unknown method": (b"BREW /api/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    "an absolute request target": (
        b"GET http://elsewhere/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        200,
    ),
}


@pytest.mark.parametrize(("sent", "status"), BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
def test_response_to_broken_http_has_envelope(server, sent, status):
    head, _, body = exchange(server, sent).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, head
    assert b"Content-Type: application/json" in head
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    contract.check(status, headers, body)
    content = json.loads(body)
    assert content.get("request_id", headers["X-Request-ID"]) == headers["X-Request-ID"]
    codes = {
        400: ("broken_request", "bad_request", "host_not_allowed"),
        414: ("uri_too_long",),
        431: ("headers_too_large",),
    }
    code = content.get("error", {}).get("code")
    assert code in codes.get(status, (code,))


def exchange(server, sent, half_close=False):
    """Send bytes, and return all that the server sends before it closes the connection."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


HEAD_OF_500 = (
    b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 500\r\n\r\n"
)
SHORT = b'{"name": "Ada", "email": "short@example.com", "password": "plenty of long words"}'


def test_truncated_body_returns_400_even_if_valid_json(server, users):
    users.delete_many({})
    response = exchange(server, HEAD_OF_500 + SHORT, half_close=True)
    assert b"bad_request" in response
    assert users.count_documents({}) == 0


RESTORE = (
    b"POST /api/users/nobody@example.com/restore HTTP/1.1\r\nHost: localhost\r\n"
    b"Connection: close\r\n"
)
"""A request whose resource reads no body."""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nx\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", 400),
        (b"Content-Length: 10\r\n\r\nab", 400),
        (b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000, 413),
        (b"\r\n", 404),
    ],
)
def test_unexpected_body_is_checked_like_any_other(server, sent, status):
    response = exchange(server, RESTORE + sent, half_close=True)
    assert response.startswith(b"HTTP/1.1 %d" % status)


def test_silent_clients_do_not_block_api(server, http):
    """Twice as many clients as threads. They send nothing, half a head, or half a body."""
    host, port = server.url.removeprefix("http://").split(":")
    with ExitStack() as silent:
        for sent in (b"", b"GET /ping HT", HEAD_OF_500 + b"{") * 11:
            silent.enter_context(socket.create_connection((host, int(port)))).sendall(sent)
        started = time.monotonic()
        assert http.get("/health").status_code == 200
        assert time.monotonic() - started < 20


def test_log_omits_content_of_unparsable_requests(server):
    for sent in (
        b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + SHORT + b"\r\n\r\n",
        b"GET /api/users/logged@example.com\r\n\r\n",
        b"GET /api/users/logged@example.com\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nlogged@example.com: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nX-Request-ID: logged@example.com\r\nConnection: close\r\n\r\n",
    ):
        assert exchange(server, sent)
    log = server.log.read_text()
    for secret in ("plenty of", "short@", "logged@"):
        assert secret not in log


def test_client_that_sends_all_before_reading_gets_413(server):
    host = server.url.removeprefix("http://")
    connection = http_client.HTTPConnection(host, timeout=20)
    connection.request("POST", "/api/users", b" " * 5_000_000, JSON)
    assert connection.getresponse().status == 413
    connection.close()


def test_disconnect_within_body_stores_nothing(server, http, users):
    users.delete_many({})
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(HEAD_OF_500 + b"{")
    time.sleep(0.2)
    assert users.count_documents({}) == 0
    assert http.get("/ready").status_code == 200


def test_log_has_no_password_address_or_connection_string(server, http):
    http.post("/api/users", json=ADA | {"email": "logged@example.com"})
    http.get("/api/users/logged@example.com?x=logged@example.com")
    log = server.log.read_text()
    assert "POST /api/users 201" in log
    for secret in (PASSWORD, "logged@", "mongodb://", "$2b$", "Traceback"):
        assert secret not in log
