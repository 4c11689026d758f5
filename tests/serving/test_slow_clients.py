"""Slow clients do not delay other clients, and requests are separated correctly."""

import json
import re
import socket
import statistics
import time
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from rollbook.buffering import worker
from rollbook.buffering.requests import MAX_PIPELINED, RequestReader
from rollbook.kit.errors import AppError, BrokenRequest, HeadersTooLarge, PayloadTooLarge
from tests.conftest import ADA
from tests.harness.serving import serving, wait_until

SLOW_CLIENTS = 150


@contextmanager
def connect(server, count, sent):
    """`count` connections that read slowly, each of which has sent `sent`."""
    host, port = server.url.removeprefix("http://").split(":")
    with ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((host, int(port)))
            client.sendall(sent)
            clients.append(stack.enter_context(client))
        yield clients


def receive_all(client, size=65_536, pause=0):
    """What the server sends until it closes the connection."""
    received = b""
    while part := client.recv(size):
        received += part
        time.sleep(pause)
    return received


def measure_slowest(http, times=30):
    """The maximum time of two requests, in seconds."""
    seconds = []
    for _ in range(times):
        started = time.monotonic()
        assert http.get("/ping").status_code == 200
        assert http.get("/api/users?page_size=1").status_code == 200
        seconds.append(time.monotonic() - started)
    return max(seconds)


HEAD = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CONTINUE = b"Content-Length: 60000\r\nExpect: 100-continue\r\n\r\n"
GET_FILE = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
GET_DOCUMENT = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 60000\r\n\r\n{",
    "half a chunked body": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "a body after 100 Continue": HEAD + CONTINUE,
    "a large file that is not read": GET_FILE * 3,
    "OpenAPI documents that are not read": GET_DOCUMENT * 20,
    "requests without a pause": b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 1000,
}


@pytest.mark.parametrize("case", SLOW)
def test_150_slow_clients_do_not_delay_others(server, http, case):
    with connect(server, SLOW_CLIENTS, SLOW[case]) as clients:
        assert measure_slowest(http) < 3
        for client in clients[:20]:
            client.sendall(b"x")
        assert measure_slowest(http) < 3


SHORT_DEADLINE = """
import sys
from rollbook.buffering import worker
from rollbook.cli import main
worker.REQUEST_SECONDS = 2
sys.argv = ["rollbook", "serve"]
main()
"""


def test_request_past_deadline_returns_408(environment, tmp_path):
    """The deadline is for all of the request, however steadily it arrives: 20 s, here 2 s."""
    assert worker.REQUEST_SECONDS == 20
    with serving(tmp_path, "-c", SHORT_DEADLINE, **environment) as impatient:
        impatient.await_status("/ready", 200)
        with connect(impatient, 1, SLOW["half a body"]) as (client,):
            started = time.monotonic()
            client.settimeout(0.2)
            response = b""

            def receive_response():
                nonlocal response
                client.sendall(b" ")
                try:
                    response = client.recv(65_536)
                except TimeoutError:
                    return False
                return True

            wait_until(receive_response)
    assert response.startswith(b"HTTP/1.1 408 ")
    assert json.loads(response.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
    assert 1 < time.monotonic() - started < 10


def test_slow_reader_gets_complete_response(server):
    sent = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(server, 1, sent) as (client,):
        received = receive_all(client, 16_384, pause=0.002)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert body == httpx.get(f"{server.url}/docs/swagger-ui-bundle.js").content


def test_pipelined_requests_get_responses_in_order(server):
    body = json.dumps({"email": "nobody@example.com", "password": "x"}).encode()
    sent = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
    sent += b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    sent += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    sent += b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    sent += b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connect(server, 1, sent[:50]) as (client,):
        time.sleep(0.1)
        client.sendall(sent[50:])
        received = receive_all(client)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"401", b"404", b"200"]


def test_rest_of_refused_body_is_not_next_request(server, users):
    users.delete_many({})
    inner = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    inner += b"Content-Length: %d\r\n\r\n" % len(json.dumps(ADA)) + json.dumps(ADA).encode()
    sent = HEAD + b"Content-Length: 70000\r\n\r\n" + b" " * 65_537
    with connect(server, 1, sent) as (client,):
        time.sleep(0.2)
        client.sendall(inner * 20)
        received = receive_all(client)
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.startswith(b"HTTP/1.1 413 ")
    assert users.count_documents({}) == 0


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def read(received, step=None, max_body_bytes=100):
    """The requests and errors that a reader finds in bytes which arrive in parts of `step`."""
    reader, found = RequestReader(max_body_bytes), []
    for start in range(0, len(received), step or max(len(received), 1)):
        reader.feed(received[start : start + (step or len(received))])
        while reader.has_complete:
            found.append(reader.take_complete())
    return found


@pytest.mark.parametrize("step", [1, 7, None])
@pytest.mark.parametrize(
    ("request_bytes", "body"),
    [
        (GET, b""),
        (b"\r\n" + GET, b""),
        (POST + b"Content-Length:3\r\n\r\nabc", b"abc"),
        (POST + b"content-LENGTH: 3\r\n\r\nabc", b"abc"),
        (CHUNKS + b"3;x=y\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", b"abcd"),
        (CHUNKS + b"0\r\nTrailer: x\r\n\r\n", b""),
        (POST + b"Content-Length: 00000000000000000003\r\n\r\nabc", b"abc"),
    ],
)
def test_reader_finds_end_of_request(request_bytes, body, step):
    first, second = read(request_bytes + GET, step)
    assert (first.body, first.keeps_alive) == (body, True)
    assert (second.method, second.target, second.headers) == ("GET", b"/", [(b"host", b"x")])
    assert read(request_bytes[:-1], step) == []


@pytest.mark.parametrize("step", [1, None])
@pytest.mark.parametrize(
    "last",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Content-Length: 101\r\n\r\n" + b"a" * 101,
        CHUNKS + b"65\r\n" + b"a" * 101 + b"\r\n0\r\n\r\n",
    ],
)
def test_nothing_follows_the_last_request(last, step):
    (first, *rest) = read(last + GET, step)
    assert not first.keeps_alive
    assert all(isinstance(error, AppError) for error in rest)


def test_requests_without_pause_are_limited():
    *found, last = read(GET * 1000)
    assert len(found) == MAX_PIPELINED - 1
    assert all(request.keeps_alive for request in found)
    assert not last.keeps_alive


@pytest.mark.parametrize(("version", "sent"), [(b"1.1", True), (b"1.0", False)])
def test_only_http_1_1_waits_for_continue(version, sent):
    reader = RequestReader(100)
    head = b"POST / HTTP/%b\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-Continue \r\n\r\n"
    reader.feed(head % version)
    assert [reader.take_continue(), reader.take_continue()] == [sent, False]


def test_continue_comes_after_the_response_before(server):
    second = HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with connect(server, 1, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" + second) as (client,):
        client.settimeout(5)
        received = b""
        while b" 100 Continue\r\n\r\n" not in received:
            received += client.recv(65_536)
        client.sendall(b"{}")
        received += receive_all(client)
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"100", b"400"]


TE = b"Transfer-Encoding: "
INVALID = {
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "bare line feeds": b"GET / HTTP/1.1\nHost: x\n\n",
    "a NUL": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "a chunk without a length": CHUNKS + b"zz\r\n",
    "a chunk with a line feed": CHUNKS + b"3\nabc\n0\n\n",
    "a coding that is not read": POST + TE + b"gzip, chunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + TE + b"chunked\r\n" + TE + b"chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\n" + TE + b"chunked\r\n\r\n0\r\n\r\n",
    "a length and chunks": POST + b"Content-Length: 3\r\n" + TE + b"chunked\r\n\r\n0\r\n\r\n",
    "a body before an upgrade": (
        POST + b"Content-Length: 3\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nabc"
    ),
}


@pytest.mark.parametrize("step", [1, None])
@pytest.mark.parametrize("received", INVALID.values(), ids=INVALID.keys())
def test_reader_refuses_what_two_programs_could_read_differently(received, step):
    (error,) = read(received + GET, step)
    assert isinstance(error, BrokenRequest)


def test_unknown_method_is_not_taken_for_its_end():
    reader = RequestReader(100)
    for part in (b"PU", GET):
        reader.feed(part)
    assert isinstance(reader.take_complete(), BrokenRequest)
    (unknown,) = read(b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n" + GET)
    assert (unknown.method, unknown.target, unknown.keeps_alive) == ("BREW", b"/pot", False)


@pytest.mark.parametrize(
    ("received", "kind"),
    [
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000, HeadersTooLarge),
        (CHUNKS + b"1;" + b"x" * 100_000, PayloadTooLarge),
    ],
)
def test_reader_keeps_no_endless_head_or_framing(received, kind):
    (error,) = read(received, 10_000)
    assert isinstance(error, kind)


@pytest.mark.parametrize(
    "received",
    [b"", GET[:-2], POST + b"Content-Length: 3\r\n\r\nab", CHUNKS, CHUNKS + b"3\r\nabc\r\n0\r\n"],
)
def test_reader_waits_for_incomplete_request(received):
    assert read(received) == []


SMUGGLED = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: %021d\r\n" % len(SMUGGLED),
        b"Content-Length : %d\r\n" % len(SMUGGLED),
        b"content-length:\t%d \r\n" % len(SMUGGLED),
        b"Content-Length: +%d\r\n" % len(SMUGGLED),
        b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(SMUGGLED),
        b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % len(SMUGGLED),
        b"Transfer-Encoding: xchunked\r\n",
        b"X: y\nContent-Length: %d\r\n" % len(SMUGGLED),
        b" Content-Length: %d\r\n" % len(SMUGGLED),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_body_is_not_read_as_next_request(server, method, framing):
    sent = method + b" /ping HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n" + SMUGGLED
    with connect(server, 1, sent) as (client,):
        client.settimeout(1)
        received = b""
        with suppress(TimeoutError, ConnectionError):
            while part := client.recv(65_536):
                received += part
    assert b'"alive"' not in received, "the body was read as a request"


def test_body_of_many_tiny_chunks_does_not_delay_others(server, http):
    """Each byte is parsed once: to parse all again took 33 ms of the event loop per piece."""
    chunks = b"1\r\na\r\n" * 20_000
    seconds = []
    with connect(server, 20, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) as clients:
        for _ in range(20):
            for client in clients:
                with suppress(ConnectionError):
                    client.sendall(b"1\r\na\r\n")
            seconds.append(measure_slowest(http, times=1))
    assert statistics.median(seconds) < 0.5, "20 pieces would take 0.66 s"
