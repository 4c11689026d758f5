"""The leaked passwords that are common, as a sorted table of hashes: 2.4 MB, and no string of them."""

import hashlib
from bisect import bisect_left
from functools import cache
from importlib.resources import files

WIDTH = 5
"""Bytes of each SHA-256 that are kept: of the passwords that are not in the list, one in two million seems to be."""


def is_common(folded: str) -> bool:
    """Whether a password, in the one form of all its spellings, is in the list. data/README.md: where it is from."""
    table, wanted = _table(), digest(folded)
    count = len(table) // WIDTH
    found = bisect_left(range(count), wanted, key=lambda index: _entry(table, index))
    return found < count and _entry(table, found) == wanted


def digest(folded: str) -> bytes:
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).digest()[:WIDTH]


def _entry(table: bytes, index: int) -> bytes:
    return table[index * WIDTH : (index + 1) * WIDTH]


@cache
def _table() -> bytes:
    return files("rollbook.users").joinpath("data", "common_passwords.bin").read_bytes()
