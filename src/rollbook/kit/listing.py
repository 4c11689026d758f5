"""Pages of things: which one is asked for, and what one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Order = Sequence[tuple[str, int]]
"""Stored fields with 1 (ascending) or -1 (descending), as MongoDB's sort takes them."""


@dataclass(frozen=True)
class PageRequest:
    """`number` counts from 1; `order` ends in the id, so that no two things tie."""

    number: int
    size: int
    order: Order

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


@dataclass(frozen=True)
class Page(Generic[T]):
    """The `items` of one page, out of `total`. Past the end there are none."""

    items: Sequence[T]
    number: int
    size: int
    total: int

    @property
    def count(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.size)

    def pagination(self) -> dict[str, Any]:
        return {
            "page": self.number,
            "page_size": self.size,
            "total_items": self.total,
            "total_pages": self.count,
            "has_next": self.number < self.count,
            "has_previous": self.number > 1,
            "next_cursor": None,
        }

    def links(self) -> dict[str, int]:
        """Page numbers by link relation (RFC 8288 §3.3); those that lead nowhere are left out."""
        last = max(self.count, 1)
        links = {"first": 1, "prev": min(self.number - 1, last), "next": self.number + 1, "last": last}
        return {rel: number for rel, number in links.items() if 1 <= number <= last}


def order_by(sort: str, stored: dict[str, str]) -> Order:
    """Read `-created_at,name` with the closed set of `stored` fields by public name; the first mention of a key counts.

    Raises: KeyError, for a key that is not in `stored`.
    """
    order: dict[str, int] = {}
    for key in sort.split(","):
        order.setdefault(stored[key.removeprefix("-")], -1 if key.startswith("-") else 1)
    order.setdefault("_id", list(order.values())[-1])
    return list(order.items())
