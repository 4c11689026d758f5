"""Where a request ends, among the bytes that have come in.

h11 says so; gunicorn then parses the request, and refuses what is not proper HTTP. Whatever h11 cannot read is handed
on as it is, and the connection ends with it: a request is never taken to be shorter than it is.
"""

import re
from typing import NamedTuple

import h11

LONGEST_HEAD = 64 * 1024
"""Bytes; gunicorn refuses a request line or header fields that are a good deal shorter."""
SLACK = 16_384
"""Bytes of a chunked body beyond the longest that are waited for, so that whoever reads it sees that it is too long."""
MOST_FRAMED = 2
"""How many times as long as its content a chunked body may be: of small chunks, the sizes take most."""
SMALLEST_CHUNK, FEW_CHUNKS = 1024, 1_000
"""Bytes of a chunk, on average, where there are more than a few: each takes h11 some 15 µs."""
_MORE_THAN_A_HEAD = re.compile(rb"[\r\n](?:content-length|transfer-encoding|expect)", re.IGNORECASE)


class Request(NamedTuple):
    """The first `length` bytes. After one that is not `whole`, nobody knows where the next one begins."""

    length: int
    whole: bool


class RequestReader:
    """Of one connection. `longest_body`: what is longer is not waited for: it is enough to refuse it.

    Each byte is looked at once, however many pieces it comes in.
    """

    def __init__(self, longest_body: int) -> None:
        self._longest = longest_body
        self.begin()

    def begin(self) -> None:
        """The next bytes that come in are those of another request."""
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        self._seen = self._content = self._chunks = 0

    def find(self, received: bytearray) -> Request | None:
        """The first request in `received`, to which bytes were added since; None while more of it has to come."""
        end = -1 if self._seen else received.find(b"\r\n\r\n")
        if end >= 0 and not _MORE_THAN_A_HEAD.search(received, 0, end):
            return Request(end + 4, whole=True)  # As most are; h11 would take ten times as long to say so.
        new = bytes(received[self._seen :])
        self._seen = len(received)
        if new:
            self._parser.receive_data(new)
        try:
            return self._read(len(received))
        except h11.RemoteProtocolError:
            return Request(len(received), whole=False)

    @property
    def asks_to_continue(self) -> bool:
        """Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1)."""
        return self._parser.they_are_waiting_for_100_continue

    def _read(self, received: int) -> Request | None:
        """Raises: h11.RemoteProtocolError."""
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.EndOfMessage):
                return Request(received - len(self._parser.trailing_data[0]), whole=True)
            if isinstance(event, h11.Request) and _length(event) > self._longest:
                return Request(received, whole=False)
            if isinstance(event, h11.Data):
                self._content += len(event.data)
                self._chunks += event.chunk_start
            if self._is_too_much(received):
                return Request(received, whole=False)
            if event is h11.NEED_DATA:
                return None

    def _is_too_much(self, received: int) -> bool:
        return (
            self._content > self._longest + SLACK
            or received > LONGEST_HEAD + MOST_FRAMED * (self._longest + SLACK)
            or self._chunks > FEW_CHUNKS + self._longest // SMALLEST_CHUNK
        )


def _length(request: h11.Request) -> int:
    """Of the body, as far as the header says; h11 has seen to it that it is a number."""
    return max((int(value) for name, value in request.headers if name == b"content-length"), default=0)
