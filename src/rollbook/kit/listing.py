"""Pages of a list: the page that a client requests, and the page that it gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Row = Mapping[str, Any]
"""A stored document as MongoDB returns it.

A page of rows costs a tenth of a page of MongoEngine documents.
"""
Order = Sequence[tuple[str, int]]
"""Stored fields with 1 (ascending) or -1 (descending), as MongoDB's sort takes them."""
Position = Sequence[Any]
"""Where an item stands in an order: its value of each field of that order."""


@dataclass(frozen=True)
class PageRequest:
    """Page `number`, counted from 1, or the page `after` a position.

    With neither it is the first page of a list without page numbers. `order` ends with the id as
    tie-breaker.
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

    @property
    def is_first_of_index(self) -> bool:
        """Whether this is page 1 in the order of one field, which an index has."""
        return self.number == 1 and self.is_first and len(self.order) <= 2


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page. Past the end of the list, `items` is empty.

    `number` is None for a list without page numbers, `total` when it is not known. `end` is the
    position of the last item, None when no item follows it.
    """

    items: Sequence[T]
    number: int | None
    size: int
    total: int | None
    end: Position | None = None
    is_first: bool = True

    @property
    def page_count(self) -> int | None:
        return None if self.total is None else -(-self.total // self.size)

    def render_pagination(self, next_cursor: str | None) -> dict[str, Any]:
        """Render the member `pagination` of the envelope."""
        return {
            "page": self.number,
            "page_size": self.size,
            "total_items": self.total,
            "total_pages": self.page_count,
            "has_next": self.end is not None,
            "has_previous": not self.is_first,
            "next_cursor": next_cursor,
        }

    def build_links(self, next_cursor: str | None) -> dict[str, Mapping[str, Any]]:
        """Map each link relation (RFC 8288 §3.3) to query parameters.

        Links that lead nowhere are left out.
        """
        if self.number is None:
            return {"first": {}} | ({"next": {"cursor": next_cursor}} if next_cursor else {})
        last = None if self.page_count is None else max(self.page_count, 1)
        previous = self.number - 1 if last is None else min(self.number - 1, last)
        following = self.number + 1 if self.end is not None else None
        pages = {"first": 1, "prev": previous or None, "next": following, "last": last}
        return {rel: {"page": number} for rel, number in pages.items() if number is not None}


def parse_sort(sort: str, stored: Mapping[str, str]) -> Order:
    """Parse `-created_at,name`. `stored` maps each sort key to its stored field.

    The first occurrence of a key counts. Raises: KeyError, for a key that is not in `stored`.
    """
    order: dict[str, int] = {}
    for key in sort.split(","):
        order.setdefault(stored[key.removeprefix("-")], -1 if key.startswith("-") else 1)
    order.setdefault("_id", list(order.values())[-1])
    return list(order.items())
