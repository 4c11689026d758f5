"""Pages of things: which one is asked for, and what one is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Order = Sequence[tuple[str, int]]
"""Stored fields with 1 (ascending) or -1 (descending), as MongoDB's sort takes them."""
Position = Sequence[Any]
"""Of a thing in an order: its value of each field of that order."""


@dataclass(frozen=True)
class PageRequest:
    """Page `number`, from 1, or what comes `after` a position; with neither, the first of a list that has no numbers.

    `order` ends in the id, so that no two things tie.
    """

    number: int | None
    size: int
    order: Order
    after: Position | None = None

    @property
    def offset(self) -> int:
        return 0 if self.number is None else (self.number - 1) * self.size

    @property
    def is_first(self) -> bool:
        return self.after is None and not self.offset


@dataclass(frozen=True)
class Page(Generic[T]):
    """The `items` of one page. Past the end there are none.

    `number` is None where pages are not numbered, `total` where it is not told; `last`: the position of the last item,
    None where nothing comes after it.
    """

    items: Sequence[T]
    number: int | None
    size: int
    total: int | None
    last: Position | None = None
    is_first: bool = True

    @property
    def count(self) -> int | None:
        """How many pages there are."""
        return None if self.total is None else -(-self.total // self.size)

    def pagination(self, next_cursor: str | None) -> dict[str, Any]:
        return {
            "page": self.number,
            "page_size": self.size,
            "total_items": self.total,
            "total_pages": self.count,
            "has_next": self.last is not None,
            "has_previous": not self.is_first,
            "next_cursor": next_cursor,
        }

    def links(self, next_cursor: str | None) -> dict[str, Mapping[str, Any]]:
        """By link relation (RFC 8288 §3.3) what to ask for; those that lead nowhere are left out."""
        if self.number is None:
            return {"first": {}} | ({"next": {"cursor": next_cursor}} if next_cursor else {})
        last = None if self.count is None else max(self.count, 1)
        previous = self.number - 1 if last is None else min(self.number - 1, last)
        following = self.number + 1 if self.last is not None else None
        pages = {"first": 1, "prev": previous or None, "next": following, "last": last}
        return {rel: {"page": number} for rel, number in pages.items() if number is not None}


def order_by(sort: str, stored: dict[str, str]) -> Order:
    """Read `-created_at,name` with the closed set of `stored` fields by public name; the first mention of a key counts.

    Raises: KeyError, for a key that is not in `stored`.
    """
    order: dict[str, int] = {}
    for key in sort.split(","):
        order.setdefault(stored[key.removeprefix("-")], -1 if key.startswith("-") else 1)
    order.setdefault("_id", list(order.values())[-1])
    return list(order.items())
