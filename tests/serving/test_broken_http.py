"""Broken HTTP, huge bodies and silent clients, at a real server."""

import http.client as http_client
import json
import socket
import subprocess
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import ADA, PASSWORD
from tests.harness import lawful


def chunks(size):
    head = json.dumps(ADA).encode()
    yield head
    for _ in range(size // 65_536):
        yield b" " * 65_536


@pytest.mark.parametrize("size", [131_072, 50_000_000])
def test_a_huge_chunked_body_is_413_and_costs_no_memory(server, http, users, size):
    users.delete_many({})
    before = resident(server)
    try:
        assert (
            http.post("/api/users", content=chunks(size), headers={"Content-Type": "application/json"}).status_code
            == 413
        )
    except httpx.WriteError:
        pass  # The server closed while we were still sending, which is its right.
    assert users.count_documents({}) == 0
    assert http.get("/ping").status_code == 200
    assert resident(server) - before < 20_000


def resident(server):
    """Kilobytes of all worker processes together."""
    listed = subprocess.run(["ps", "-o", "rss=", "--ppid", str(server.process.pid)], capture_output=True, text=True)
    return sum(map(int, listed.stdout.split()))


def test_a_chunked_body_within_the_limit_is_taken(http, users):
    users.delete_many({})
    body = iter([json.dumps(ADA).encode()])
    assert http.post("/api/users", content=body, headers={"Content-Type": "application/json"}).status_code == 201


BROKEN_HTTP = {
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "an unknown version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    "a bad header": (b"GET /ping HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a long line": (b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431),
    "two lengths": (b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "a length of words": (b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n", 400),
    "a broken chunk": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        400,
    ),
    "an unknown coding": (
        b"POST /api/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: brotli, chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a forwarder's header": (
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /evil\r\nConnection: close\r\n\r\n",
        404,
    ),
    "two schemes": (
        b"GET /ping HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n"
        b"X-Forwarded-Ssl: off\r\nConnection: close\r\n\r\n",
        200,
    ),
    "an odd host": (b"GET /nowhere HTTP/1.1\r\nHost: a b{}<>\r\nConnection: close\r\n\r\n", 404),
    "a raw path": (b"GET /api/users/\xff\xfe\x80 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400),
    "a bad escape": (b"GET /api/users/%zz%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    "an unknown method": (b"BREW /api/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405),
    "an absolute target": (b"GET http://elsewhere/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200),
}


@pytest.mark.parametrize(("sent", "status"), BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
def test_broken_http_gets_the_envelope_too(server, sent, status):
    head, _, body = exchanged(server, sent).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, head
    assert b"Content-Type: application/json" in head
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    lawful.check(status, headers, body)
    answer = json.loads(body)
    assert answer.get("request_id", headers["X-Request-ID"]) == headers["X-Request-ID"]
    codes = {400: ("broken_request", "bad_request"), 414: ("uri_too_long",), 431: ("headers_too_large",)}
    assert answer.get("error", {}).get("code") in codes.get(status, (answer.get("error", {}).get("code"),))


def exchanged(server, sent, half_close=False):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received


HEAD_OF_500 = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
SHORT = b'{"name": "Ada", "email": "short@example.com", "password": "plenty of long words"}'


def test_a_body_that_ends_early_is_400_even_if_it_is_json(server, users):
    users.delete_many({})
    answer = exchanged(server, HEAD_OF_500 + SHORT, half_close=True)
    assert b"bad_request" in answer
    assert users.count_documents({}) == 0


NO_BODY_DECLARED = b"POST /api/users/nobody@example.com/restore HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


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
def test_a_body_that_nobody_asked_for_is_read_like_any_other(server, sent, status):
    assert exchanged(server, NO_BODY_DECLARED + sent, half_close=True).startswith(b"HTTP/1.1 %d" % status)


def test_silent_clients_do_not_hold_the_api(server, http):
    """Twice as many as there are threads: that send nothing, half a head, and half a body."""
    host, port = server.url.removeprefix("http://").split(":")
    with ExitStack() as silent:
        for sent in (b"", b"GET /ping HT", HEAD_OF_500 + b"{") * 11:
            silent.enter_context(socket.create_connection((host, int(port)))).sendall(sent)
        started = time.monotonic()
        assert http.get("/health").status_code == 200
        assert time.monotonic() - started < 20


def test_what_gunicorn_cannot_parse_is_not_logged(server):
    for sent in (
        b"POST /ping HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" + SHORT + b"\r\n\r\n",
        b"GET /api/users/logged@example.com\r\n\r\n",
        b"GET /api/users/logged@example.com\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nlogged@example.com: x\r\n\r\n",
        b"GET /ping HTTP/1.1\r\nX-Request-ID: logged@example.com\r\nConnection: close\r\n\r\n",
    ):
        assert exchanged(server, sent)
    log = server.log.read_text()
    for secret in ("plenty of", "short@", "logged@"):
        assert secret not in log


def test_a_client_that_sends_all_before_it_reads_sees_the_413(server):
    host = server.url.removeprefix("http://")
    connection = http_client.HTTPConnection(host, timeout=20)
    connection.request("POST", "/api/users", b" " * 5_000_000, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 413
    connection.close()


def test_a_client_that_breaks_off_in_the_middle_stores_nothing(server, http, users):
    users.delete_many({})
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
        )
    time.sleep(0.2)
    assert users.count_documents({}) == 0
    assert http.get("/ready").status_code == 200


def test_the_log_holds_no_password_no_address_and_no_connection_string(server, http):
    http.post("/api/users", json=ADA | {"email": "logged@example.com"})
    http.get("/api/users/logged@example.com?x=logged@example.com")
    log = server.log.read_text()
    assert "POST /api/users 201" in log
    for secret in (PASSWORD, "logged@", "mongodb://", "$2b$", "Traceback"):
        assert secret not in log
