"""One page of a collection, by number or from a position on, each read within tight bounds of an index."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rollbook.kit.listing import Order, Page, PageRequest, Position
from rollbook.kit.transactions import current_session

Row = Mapping[str, Any]
"""A stored document as MongoDB gives it: a page of them costs a tenth of a page of MongoEngine documents."""
Query = Mapping[str, Any]
MOST_COUNTED = 1_000
"""Counting takes as long as there is to count; a longer list has no total, unless someone keeps one."""
FARTHEST = 2**62
"""There is nothing so far on, and MongoDB takes no larger numbers."""


@dataclass(frozen=True)
class Pager:
    """`unlisted`: stored fields that stay in the database.

    `index_of`: names the index to go by for an order that begins with a field; None lets MongoDB choose.
    """

    collection: Any
    unlisted: tuple[str, ...] = ()
    index_of: Callable[[str], str] | None = None

    def page(self, asked: PageRequest, query: Query, total: Callable[[], int | None] | None = None) -> Page[Row]:
        """Of those that `query` selects. Past the end nothing is fetched, however far past."""
        if asked.after is not None:
            return self._cut(self._following(query, asked.order, asked.after, asked.size + 1), asked, None)
        known = None if asked.number is None else total() if total else self.count(query)
        if asked.offset and asked.offset >= (FARTHEST if known is None else known):
            return self._cut([], asked, known)
        return self._cut(self._numbered(query, asked, known), asked, known)

    def count(self, query: Query, most: int | None = None) -> int | None:
        """None when there are more than `most`, by default MOST_COUNTED."""
        most = MOST_COUNTED if most is None else most
        found: int = self.collection.count_documents(query, limit=most + 1, session=current_session())
        return None if found > most else found

    def _numbered(self, query: Query, asked: PageRequest, total: int | None) -> list[Row]:
        """From the nearer end, where both are known: the Link to the last page must not cost a walk to it."""
        wanted = asked.size + 1
        if total is None or asked.offset <= total // 2 or len(asked.order) > 2:
            return self._sorted(query, asked.order, asked.offset, wanted)
        turned = [(field, -direction) for field, direction in asked.order]
        there = min(wanted, total - asked.offset)
        return self._sorted(query, turned, total - asked.offset - there, there)[::-1]

    def _cut(self, rows: list[Row], asked: PageRequest, total: int | None) -> Page[Row]:
        """`rows` has one more than was asked for, if there is one."""
        items = rows[: asked.size]
        last = [items[-1].get(field) for field, _ in asked.order] if len(rows) > asked.size else None
        return Page(items, asked.number, asked.size, total, last, asked.is_first)

    def _following(self, query: Query, order: Order, after: Position, limit: int) -> list[Row]:
        """First what ties with `after` in all fields but the last, then in all but the last two, and so on."""
        rows: list[Row] = []
        for depth in reversed(range(len(order))):
            beyond = _beyond(*order[depth], after[depth])
            if len(rows) < limit and beyond is not None:
                same = [{field: {"$eq": value}} for (field, _), value in zip(order[:depth], after, strict=False)]
                rows += self._sorted({"$and": [query, *same, beyond]}, order, 0, limit - len(rows))
        return rows

    def _sorted(self, query: Query, order: Order, skip: int, limit: int) -> list[Row]:
        if len(order) > 2:
            query, order, skip = self._narrowed(query, order, skip, limit)
        hidden = dict.fromkeys(self.unlisted, False)
        return list(self._find(query, hidden, order).sort(list(order)).skip(skip).limit(limit))

    def _narrowed(self, query: Query, order: Order, skip: int, limit: int) -> tuple[Query, Order, int]:
        """An index has the order of the first field, so that only what ties with a row of the page is left to sort.

        Where very many tie, as users do who never signed in, the index of the next field leads through them.
        """
        (field, direction), *rest = order
        keys = self._find(query, {field: True, "_id": False}, order)
        found = list(keys.sort([(field, direction), ("_id", direction)]).skip(skip).limit(limit))
        if not found:
            return query, order, skip
        first, last = found[0].get(field), found[-1].get(field)
        earlier = _beyond(field, -direction, first)
        if earlier is not None:
            before = self.collection.count_documents({"$and": [query, earlier]}, session=current_session())
            skip = max(0, skip - before)  # Someone may have come in between.
        page = {"$and": [query, _from(field, direction, first), _from(field, -direction, last)]}
        if first == last and self.count(page) is None:
            return page, rest, skip
        return page, order, skip

    def _find(self, query: Query, shown: Mapping[str, bool], order: Order) -> Any:
        found = self.collection.find(query, shown or None, session=current_session())
        return found.hint(self.index_of(order[0][0])) if self.index_of else found


def _beyond(field: str, direction: int, value: Any) -> Query | None:
    """What comes after `value`; None for nothing. Null, or nothing at all, sorts before every value."""
    if value is None:
        return {field: {"$ne": None}} if direction > 0 else None
    return {field: {"$gt": value} if direction > 0 else {"$not": {"$gte": value}}}


def _from(field: str, direction: int, value: Any) -> Query:
    """What comes with `value` or after it."""
    if value is None:
        return {} if direction > 0 else {field: None}
    return {field: {"$gte": value} if direction > 0 else {"$not": {"$gt": value}}}
