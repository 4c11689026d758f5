"""How many of the bytes that have come in are the next request, if all of it is there.

Only its length is found out here; gunicorn parses it, and refuses what is not proper HTTP. So whatever cannot be read
is handed on as it is.
"""

import re
from typing import NamedTuple

LONGEST_HEAD = 64 * 1024
"""Bytes; gunicorn refuses a request line or header fields that are a good deal shorter."""
MOST_FRAMED = 8
"""How many times as long as its content a chunked body may be: of small chunks, the sizes take most."""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_CONTINUE = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]*\r\n")


class Request(NamedTuple):
    """The first `length` bytes. After one that is not `whole`, nobody knows where the next one begins."""

    length: int
    whole: bool


def find_request(received: bytearray, longest_body: int) -> Request | None:
    """The first request in `received`; None while more of it has to come.

    A body of more than `longest_body` bytes is not waited for: what is there of it is enough to refuse it.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return _broken(received) if len(received) > LONGEST_HEAD else None
    head, start = bytes(received[: end + 2]), end + 4
    if _CHUNKED.search(head):
        return _find_chunked(received, start, longest_body)
    found = _LENGTH.search(head)
    length = int(found[1]) if found else 0
    if length > longest_body:
        return _broken(received)
    return Request(start + length, whole=True) if len(received) >= start + length else None


def asks_to_continue(received: bytearray) -> bool:
    """Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1)."""
    end = received.find(b"\r\n\r\n")
    return end >= 0 and _CONTINUE.search(received, 0, end + 2) is not None


def _find_chunked(received: bytearray, start: int, longest_body: int) -> Request | None:
    """RFC 9112 §7.1: chunks, a last one of size 0, and trailers up to an empty line."""
    position = start
    while position < len(received):
        found = _CHUNK.match(received, position)
        if found is None:
            return _broken(received) if b"\n" in received[position:] else None
        size, position = int(found[1], 16), found.end()
        if size == 0:
            end = received.find(b"\r\n\r\n", position - 2)
            return Request(end + 4, whole=True) if end >= 0 else None
        position += size + 2
        if size > longest_body or position - start > MOST_FRAMED * longest_body:
            return _broken(received)
    return None


def _broken(received: bytearray) -> Request:
    return Request(len(received), whole=False)
