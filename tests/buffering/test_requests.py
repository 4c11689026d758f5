"""Requests in the bytes of a connection."""

import pytest

from rollbook.buffering.requests import MAX_PIPELINED, RequestReader
from rollbook.kit.errors import AppError, BrokenRequest, HeadersTooLarge, PayloadTooLarge

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
