"""470,000 common leaked passwords, as a sorted table of hashes (2.4 MB)."""

import hashlib
from bisect import bisect_left
from functools import cache
from importlib.resources import files

WIDTH = 5
"""Bytes of each SHA-256 in the table. One in two million other passwords matches by chance."""


def is_common(folded: str) -> bool:
    """Look the password up in the table, whose source data/README.md names.

    `folded` is the password after `fold`.
    """
    table, wanted = _load_table(), hash_prefix(folded)
    count = len(table) // WIDTH
    found = bisect_left(range(count), wanted, key=lambda index: _get_entry(table, index))
    return found < count and _get_entry(table, found) == wanted


def hash_prefix(folded: str) -> bytes:
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).digest()[:WIDTH]


def _get_entry(table: bytes, index: int) -> bytes:
    return table[index * WIDTH : (index + 1) * WIDTH]


@cache
def _load_table() -> bytes:
    return files("rollbook.passwords").joinpath("data", "common_passwords.bin").read_bytes()
