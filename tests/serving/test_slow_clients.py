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
from tests.conftest import ADA
from tests.harness.serving import retry_while_busy, serving, wait_until

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
        listed = retry_while_busy(lambda: http.get("/api/users?page_size=1"))
        assert listed.status_code == 200
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
        assert measure_slowest(http) < 5
        for client in clients[:20]:
            client.sendall(b"x")
        assert measure_slowest(http) < 5


SHORT_DEADLINE = """
import sys
from rollbook.buffering import worker
from rollbook.cli import main
worker.REQUEST_SECONDS = 2
sys.argv = ["rollbook", "serve"]
main()
"""


@pytest.mark.long
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
