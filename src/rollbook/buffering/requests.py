"""Parse what arrives on a connection into complete requests.

llhttp, the parser of Node.js, decides what is valid HTTP. Its strict mode accepts no request that
two programs could read as two different ones (RFC 9112 §11.2), and each byte is looked at once.
"""

import re
from collections import deque
from dataclasses import dataclass, field

from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from rollbook.buffering.heads import parse_head
from rollbook.kit.errors import (
    INCOMPLETE_BODY,
    AppError,
    BadRequest,
    BrokenRequest,
    HeadersTooLarge,
    PayloadTooLarge,
    UriTooLong,
)

MAX_HEAD_BYTES = 64 * 1024
MAX_LINE_BYTES = 4094
MAX_FIELDS, MAX_FIELD_BYTES = 100, 8190
MAX_FRAMING_RATIO = 2
"""The maximum length of a chunked body, relative to its content.

The sizes of the chunks take the larger part when the chunks are small.
"""
_UNKNOWN_METHOD = re.compile(rb"([A-Z]{1,32}) (/[!-~]*) HTTP/1\.1\r\n")
MAX_PIPELINED = 100
"""How many requests a client may send without waiting for responses."""


@dataclass(slots=True)
class Request:
    """`headers` have names in lower case. `version` is that of HTTP, such as "1.1".

    `keeps_alive`: another request may follow. A body that is too large is cut off; then nothing
    may follow, and the application refuses the request.
    """

    method: str
    version: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    keeps_alive: bool = False


@dataclass(slots=True)
class _Incomplete:
    """What is known of a request that is arriving."""

    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)
    body_bytes: int = 0
    received_bytes: int = 0
    has_head: bool = False
    waits_for_continue: bool = False


class RequestReader:
    """Reads the requests of one connection, and an error in place of what is no valid request.

    `on_…` are called by the parser. A body over `max_body_bytes` is not read to its end: what has
    arrived is enough to refuse it.
    """

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._parser = HttpRequestParser(self)
        self._complete: deque[Request | AppError] = deque()
        self._arriving: _Incomplete | None = None
        self._refusal: AppError | None = None
        self._has_received = self._has_ended = False

    def feed(self, received: bytes) -> None:
        """Parse the next bytes. After an error, or the last request, they are dropped."""
        if self._has_ended:
            return
        is_first, self._has_received = not self._has_received, True
        if self._arriving is not None:
            self._arriving.received_bytes += len(received)
        try:
            self._parser.feed_data(received)
            self._check_size()
        except HttpParserUpgrade:
            self._end()  # Requests with Upgrade and CONNECT are answered in HTTP/1.1.
        except HttpParserInvalidMethodError:
            is_complete = is_first and self._complete_unknown(received)
            self._end(None if is_complete else BrokenRequest())
        except (HttpParserError, AppError):
            if not self._has_ended:
                self._end(self._refusal or BrokenRequest())

    def end(self) -> None:
        """Note that the client sends nothing more."""
        if self._arriving is not None and not self._has_ended:
            self._end(BadRequest(INCOMPLETE_BODY) if self._arriving.has_head else BrokenRequest())

    def close(self) -> None:
        """Drop everything. The parser and its callbacks would otherwise keep each other alive."""
        self._end()
        self._complete.clear()
        del self._parser

    @property
    def has_complete(self) -> bool:
        """Whether `take_complete` returns something."""
        return bool(self._complete)

    @property
    def next_target(self) -> bytes:
        """The target of what `take_complete` returns; nothing, if that is an error."""
        first = self._complete[0]
        return first.target if isinstance(first, Request) else b""

    def take_complete(self) -> Request | AppError:
        """Take the first complete request, or the error in place of it. Raises: IndexError."""
        return self._complete.popleft()

    @property
    def is_within_request(self) -> bool:
        """Whether a part of a request has arrived."""
        return self._arriving is not None

    def take_continue(self) -> bool:
        """Return, once, whether the client waits for a 100 before it sends the body.

        RFC 9110 §10.1.1.
        """
        arriving = self._arriving
        if arriving is None or not arriving.waits_for_continue:
            return False
        arriving.waits_for_continue = False
        return not arriving.body

    def on_message_begin(self) -> None:
        self._arriving = _Incomplete()

    def on_url(self, part: bytes) -> None:
        request = self._get_arriving()
        request.target += part
        if len(request.target) > MAX_LINE_BYTES:
            self._refuse(UriTooLong())

    def on_header(self, name: bytes, value: bytes) -> None:
        request = self._get_arriving()
        if request.has_head:
            return  # A trailer (RFC 9110 §6.5). Nothing of ours looks at one.
        request.headers.append((name.lower(), value))
        if len(request.headers) > MAX_FIELDS or len(name) + len(value) > MAX_FIELD_BYTES:
            self._refuse(HeadersTooLarge())

    def on_headers_complete(self) -> None:
        request = self._get_arriving()
        request.has_head = True
        head = parse_head(
            request.headers,
            self._parser.get_http_version(),
            upgrades=self._parser.should_upgrade(),
        )
        request.waits_for_continue = head.waits
        if head.length is not None and head.length > self._max_body_bytes:
            self._cut_off()

    def on_body(self, part: bytes) -> None:
        request = self._get_arriving()
        request.body.append(part)
        request.body_bytes += len(part)
        if request.body_bytes > self._max_body_bytes:
            self._cut_off()

    def on_message_complete(self) -> None:
        self._finish(keeps_alive=self._parser.should_keep_alive())
        if len(self._complete) >= MAX_PIPELINED:
            self._end()
            raise PayloadTooLarge()

    def _check_size(self) -> None:
        """Refuse a request that has become too long in total."""
        request = self._arriving
        if request is None or self._has_ended:
            return
        if not request.has_head and request.received_bytes > MAX_HEAD_BYTES:
            self._refuse(HeadersTooLarge())
        if request.received_bytes > MAX_HEAD_BYTES + MAX_FRAMING_RATIO * self._max_body_bytes:
            self._refuse(PayloadTooLarge())

    def _finish(self, *, keeps_alive: bool) -> None:
        """Complete the request that is arriving."""
        request = self._get_arriving()
        method, version = self._parser.get_method().decode("ascii"), self._parser.get_http_version()
        body = b"".join(request.body)
        self._complete.append(
            Request(method, version, request.target, request.headers, body, keeps_alive)
        )
        self._arriving = None

    def _complete_unknown(self, received: bytes) -> bool:
        """Complete a request with a method that llhttp does not know, to be refused with 405.

        Its header fields are not parsed, so nothing may follow it, and it must be the first request
        of the connection. It is an error if it arrives in parts.
        """
        line = _UNKNOWN_METHOD.match(received)
        if line is None or self._complete:
            return False
        self._complete.append(Request(line[1].decode("ascii"), "1.1", line[2], []))
        return True

    def _cut_off(self) -> None:
        """Complete a request whose body is too large, and stop the parser."""
        self._finish(keeps_alive=False)
        self._end()
        raise PayloadTooLarge()

    def _end(self, error: AppError | None = None) -> None:
        """Read nothing more. The last request, or the error, is answered."""
        self._has_ended = True
        self._arriving = None
        if error is not None:
            self._complete.append(error)
        elif self._complete and isinstance(last := self._complete[-1], Request):
            last.keeps_alive = False

    def _refuse(self, error: AppError) -> None:
        """Stop the parser. It reports an error of its own, so this one is kept."""
        self._refusal = error
        raise error

    def _get_arriving(self) -> _Incomplete:
        assert self._arriving is not None  # noqa: S101 - the parser has called on_message_begin
        return self._arriving
