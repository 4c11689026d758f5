"""Rules for the head of a request, beyond those of llhttp."""

from collections.abc import Sequence
from typing import NamedTuple

from rollbook.kit.errors import BrokenRequest


class Head(NamedTuple):
    """`length` is the Content-Length. `waits`: the client sends no body before it gets a 100."""

    length: int | None
    waits: bool


def parse_head(headers: Sequence[tuple[bytes, bytes]], version: str, *, upgrades: bool) -> Head:
    """Parse what decides about the body. The names of `headers` are in lower case.

    It refuses what llhttp accepts, but rollbook does not serve: other versions, no host or two
    (RFC 9112 §3.2), other codings than chunks, chunks in HTTP/1.0 (§6.1), and a body before an
    upgrade, which llhttp would not read. Raises: BrokenRequest.
    """
    hosts, length, coding, expectation = 0, None, None, b""
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            coding = value.lower() if coding is None else b""
        elif name == b"expect":
            expectation = value.strip().lower()
    is_1_1 = version == "1.1"
    if (
        not (is_1_1 or version == "1.0")
        or hosts > 1
        or (is_1_1 and not hosts)
        or (coding is not None and (coding != b"chunked" or not is_1_1))
        or (upgrades and (length or coding))
    ):
        raise BrokenRequest()
    return Head(length, is_1_1 and expectation == b"100-continue")
