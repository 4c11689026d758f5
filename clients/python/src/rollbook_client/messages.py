"""What a client sends, keeps and returns."""

import urllib.parse
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import httpx

from rollbook_client.types import Pagination

Item = TypeVar("Item")
IfMatch = int | Literal["*"] | None
"""The version of what was read, or "*": any."""
IDEMPOTENCY_KEY = "Idempotency-Key"


@dataclass(frozen=True)
class Tokens:
    """What a session is continued with. The refresh token is valid once. Keep both secret."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list.

    Only the first one has totals in its `pagination`, and they are None where the list is too long.
    """

    items: list[Item]
    pagination: Pagination


@dataclass(frozen=True)
class Request:
    """`path` is the part of the URL after the prefix of the API."""

    method: str
    path: str
    query: dict[str, Any] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)
    headers: httpx.Headers = field(default_factory=httpx.Headers, repr=False)

    @property
    def is_repeatable(self) -> bool:
        """Whether it does no harm to send it again, when it may have been done.

        rollbook does a POST with an idempotency key once. A refresh that is repeated soon gets the
        same tokens.
        """
        has_key = self.method == "POST" and IDEMPOTENCY_KEY in self.headers
        return self.method == "GET" or has_key or self.path == "/auth/refresh"


def quote(part: str) -> str:
    """Quote a part of a path, in which an external id may hold any character.

    Raises: ValueError, for a part that would make it another path.
    """
    if part in ("", ".", ".."):
        raise ValueError(f"{part!r} cannot be a part of a path")
    return urllib.parse.quote(part, safe="")


def build_if_match(version: IfMatch) -> dict[str, str]:
    """Build the header that makes a change depend on the version (RFC 9110 §13.1.1)."""
    if version is None:
        return {}
    return {"If-Match": "*" if version == "*" else f'"{version}"'}


def build_key(key: str | None) -> dict[str, str]:
    return {} if key is None else {IDEMPOTENCY_KEY: key}
