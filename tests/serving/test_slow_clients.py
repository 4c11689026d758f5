"""However slow others are, whoever is quick is answered: clients that drip, clients that do not read, and pipelines."""

import json
import re
import socket
import time
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from rollbook.buffering import worker
from rollbook.buffering.requests import Request, RequestReader
from tests.conftest import ADA
from tests.harness.serving import eventually, serving

MANY = 150


@contextmanager
def connected(server, count, sent):
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


def slowest(http, times=30):
    took = []
    for _ in range(times):
        started = time.monotonic()
        assert http.get("/ping").status_code == 200
        assert http.get("/api/users?page_size=1").status_code == 200
        took.append(time.monotonic() - started)
    return max(took)


HEAD = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SLOW = {
    "nothing": b"",
    "half a head": HEAD,
    "half a body": HEAD + b"Content-Length: 60000\r\n\r\n{",
    "half a chunked body": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "a body that was asked to wait": HEAD + b"Content-Length: 60000\r\nExpect: 100-continue\r\n\r\n",
    "a large file, and no reading": b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 3,
    "the API's description, and no reading": b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
}


@pytest.mark.parametrize("what", SLOW)
def test_150_slow_clients_hold_nobody_up(server, http, what):
    with connected(server, MANY, SLOW[what]) as clients:
        assert slowest(http) < 3
        for client in clients[:20]:
            client.sendall(b"x")
        assert slowest(http) < 3


HURRIED = """
import sys
from rollbook.buffering import worker
from rollbook.cli import main
worker.REQUEST_SECONDS = 2
sys.argv = ["rollbook", "serve"]
main()
"""


def test_a_request_has_a_deadline_for_all_of_it_however_steadily_it_drips(environment, tmp_path):
    """20 seconds, which are 2 here."""
    assert worker.REQUEST_SECONDS == 20
    with serving(tmp_path, "-c", HURRIED, **environment) as hurried:
        hurried.await_status("/ready", 200)
        with connected(hurried, 1, SLOW["half a body"]) as (client,):
            started = time.monotonic()
            client.settimeout(0.2)
            answer = b""

            def answered():
                nonlocal answer
                client.sendall(b" ")
                try:
                    answer = client.recv(65_536)
                except TimeoutError:
                    return False
                return True

            eventually(answered)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
    assert 1 < time.monotonic() - started < 10


def test_whoever_reads_slowly_gets_all_of_it(server):
    with connected(server, 1, b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as (
        client,
    ):
        received = b""
        while part := client.recv(16_384):
            received += part
            time.sleep(0.002)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % len(body) in head
    assert body == httpx.get(f"{server.url}/docs/swagger-ui-bundle.js").content


def test_requests_sent_without_waiting_are_answered_in_order(server):
    body = json.dumps({"email": "nobody@example.com", "password": "x"}).encode()
    post = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    sent = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" + post % (len(body), body)
    sent += b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connected(server, 1, sent[:50]) as (client,):
        time.sleep(0.1)
        client.sendall(sent[50:])
        received = b""
        while part := client.recv(65_536):
            received += part
    assert re.findall(rb"HTTP/1.1 (\d+)", received) == [b"200", b"401", b"404", b"200"]


def test_what_follows_a_body_that_was_refused_is_no_request(server, users):
    """The rest of a body that is too long must not be read as the next request."""
    users.delete_many({})
    inner = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    inner += b"Content-Length: %d\r\n\r\n" % len(json.dumps(ADA)) + json.dumps(ADA).encode()
    sent = HEAD + b"Content-Length: 70000\r\n\r\n" + b" " * 65_537
    with connected(server, 1, sent) as (client,):
        time.sleep(0.2)
        client.sendall(inner * 20)
        received = b""
        while part := client.recv(65_536):
            received += part
    assert received.count(b"HTTP/1.1 ") == 1
    assert received.startswith(b"HTTP/1.1 413 ")
    assert users.count_documents({}) == 0


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("received", "after"),
    [
        (GET, b""),
        (GET, b"GET"),
        (POST + b"Content-Length:3\r\n\r\nabc", b""),
        (POST + b"content-LENGTH: 3\r\n\r\nabc", b"d"),
        (CHUNKS + b"3;x=y\r\nabc\r\n0\r\n\r\n", b""),
        (CHUNKS + b"0\r\nTrailer: x\r\n\r\n", b"GET"),
        (POST + b"Content-Length: 00000000000000000003\r\n\r\nabc", b"GET"),
    ],
)
def test_where_a_request_ends(received, after):
    assert RequestReader(100).find(bytearray(received + after)) == Request(len(received), whole=True)
    reader, come = RequestReader(100), bytearray()
    for byte in received[:-1]:
        come.append(byte)
        assert reader.find(come) is None
    assert reader.find(bytearray(received)) == Request(len(received), whole=True)


@pytest.mark.parametrize(
    "received",
    [
        b"",
        GET[:-2],
        POST + b"Content-Length: 3\r\n\r\nab",
        CHUNKS,
        CHUNKS + b"3\r\nab",
        CHUNKS + b"3\r\nabc\r\n",
        CHUNKS + b"3\r\nabc\r\n0\r\n",
    ],
)
def test_what_is_waited_for(received):
    assert RequestReader(100).find(bytearray(received)) is None


@pytest.mark.parametrize(
    "received",
    [
        b"x" * 70_000,
        POST + b"Content-Length: 101\r\n\r\na",
        CHUNKS + b"zz\r\n",
        CHUNKS + b"fffff\r\n" + b"a" * 17_000,
        CHUNKS + b"1\r\na\r\n" * 1_100,
    ],
)
def test_what_is_handed_on_to_be_refused(received):
    assert RequestReader(100).find(bytearray(received)) == Request(len(received), whole=False)


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
def test_a_body_is_never_read_as_a_request(server, method, framing):
    sent = method + b" /ping HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n" + SMUGGLED
    with connected(server, 1, sent) as (client,):
        client.settimeout(1)
        received = b""
        with suppress(TimeoutError, ConnectionError):
            while part := client.recv(65_536):
                received += part
    assert b'"alive"' not in received, "the second answer is that of the body"


def test_a_body_of_tiny_chunks_in_many_pieces_holds_nobody_up(server, http):
    """33 ms of the event loop for each further byte before, since all of it was looked at again."""
    chunks = b"1\r\na\r\n" * 20_000
    with connected(server, 20, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks) as clients:
        for _ in range(20):
            for client in clients:
                with suppress(ConnectionError):
                    client.sendall(b"1\r\na\r\n")
            assert slowest(http, times=1) < 1
