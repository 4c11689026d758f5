"""Find the end of a request in the bytes that have arrived.

h11 decides; gunicorn then parses the request, and refuses what is not valid HTTP. If h11 cannot
parse the bytes, all of them are passed on, and the connection ends with them: a request is never
taken to be shorter than it is.
"""

import re
from typing import NamedTuple

import h11

MAX_HEAD_BYTES = 64 * 1024
"""gunicorn's own limits for the request line and the header fields are lower."""
SLACK_BYTES = 16_384
"""How far a chunked body is read beyond the maximum, so that the application sees the excess."""
MAX_FRAMING_RATIO = 2
"""The maximum length of a chunked body, relative to its content.

The sizes of the chunks take the larger part when the chunks are small.
"""
MIN_AVERAGE_CHUNK, FREE_CHUNKS = 1024, 1_000
"""The minimum average size of a chunk, except for the first ones: h11 needs 15 µs for each."""
_HAS_BODY_HEADER = re.compile(rb"[\r\n](?:content-length|transfer-encoding|expect)", re.IGNORECASE)


class Request(NamedTuple):
    """The first `length` bytes. If it is not `whole`, it is not known where the next one begins."""

    length: int
    whole: bool


class RequestReader:
    """Reads the requests of one connection. Each byte is looked at once.

    A body over `max_body_bytes` is not read to its end: what has arrived is enough to refuse it.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self.start_request()

    def start_request(self) -> None:
        """Start a new request, to which the next bytes belong."""
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._seen = self._content = self._chunks = 0

    def find_request(self, received: bytearray) -> Request | None:
        """Find the first request in `received`, which has grown since the last call.

        None while it is incomplete.
        """
        end = -1 if self._seen else received.find(b"\r\n\r\n")
        if end >= 0 and not _HAS_BODY_HEADER.search(received, 0, end):
            return Request(end + 4, whole=True)  # The usual case; h11 would take 10 times as long.
        new = bytes(received[self._seen :])
        self._seen = len(received)
        if new:
            self._parser.receive_data(new)
        try:
            return self._parse(len(received))
        except h11.RemoteProtocolError:
            return Request(len(received), whole=False)

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1)."""
        return self._parser.they_are_waiting_for_100_continue

    def _parse(self, received: int) -> Request | None:
        """Parse what has arrived. None while the request is incomplete.

        Raises: h11.RemoteProtocolError.
        """
        while True:
            event = self._parser.next_event()
            if isinstance(event, h11.EndOfMessage):
                return Request(received - len(self._parser.trailing_data[0]), whole=True)
            if isinstance(event, h11.Request) and _get_length(event) > self._max_body_bytes:
                return Request(received, whole=False)
            if isinstance(event, h11.Data):
                self._content += len(event.data)
                self._chunks += event.chunk_start
            if self._is_too_large(received):
                return Request(received, whole=False)
            if event is h11.NEED_DATA:
                return None

    def _is_too_large(self, received: int) -> bool:
        max_content = self._max_body_bytes + SLACK_BYTES
        return (
            self._content > max_content
            or received > MAX_HEAD_BYTES + MAX_FRAMING_RATIO * max_content
            or self._chunks > FREE_CHUNKS + self._max_body_bytes // MIN_AVERAGE_CHUNK
        )


def _get_length(request: h11.Request) -> int:
    """Return the Content-Length, or 0. h11 has checked that it is a number."""
    lengths = [int(value) for name, value in request.headers if name == b"content-length"]
    return max(lengths, default=0)
