"""Fetch one page of a collection, by number or after a position, within tight index bounds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.collection import Collection

from rollbook.kit.listing import Order, Page, PageRequest, Position, Row
from rollbook.storage.driver_errors import current_client_session

Query = Mapping[str, Any]
"""A MongoDB filter."""
Pipeline = Sequence[Mapping[str, Any]]
"""Stages of an aggregation."""
AppendTotal = Callable[
    [Pipeline], tuple[Pipeline, Callable[[Iterable[Row]], tuple[list[Row], int]]]
]
"""Lets an aggregation return a total too: see `rollbook.tallies.dao.TallyDAO.append_to`."""
MAX_COUNTED = 1_000
"""Counting takes as long as there is to count. A longer list has no total, unless it is tallied."""
MAX_SKIP = 2**62
"""No list is that long, and MongoDB accepts no larger number."""


@dataclass(frozen=True)
class Pager:
    """`hidden_fields` are not fetched.

    `choose_index` returns the name of the index for an order that begins with a field. Without
    it, `index` is used, or MongoDB chooses. `index` is also used to count.
    """

    collection: Any
    hidden_fields: tuple[str, ...] = ()
    choose_index: Callable[[str], str] | None = None
    index: str | None = None

    def list_page(
        self, request: PageRequest, query: Query, count: Callable[[], int | None] | None = None
    ) -> Page[Row]:
        """List a page. Past the end nothing is fetched.

        `count` replaces the count of the documents that `query` matches.
        """
        if request.after is not None:
            rows = self._fetch_after(query, request.order, request.after, request.size + 1)
            return self._build_page(rows, request, None)
        total = None
        if request.number is not None:
            total = count() if count else self.count(query)
        if request.offset and request.offset >= (MAX_SKIP if total is None else total):
            return self._build_page([], request, total)
        return self._build_page(self._fetch_numbered(query, request, total), request, total)

    @property
    def has_unions(self) -> bool:
        """Whether aggregations may have $unionWith, which mongomock does not know."""
        return isinstance(self.collection, Collection)

    def list_first_page(
        self, request: PageRequest, query: Query, append_total: AppendTotal
    ) -> Page[Row]:
        """List the first page of a long list, together with its total, in one round trip."""
        field, _ = request.order[0]
        pipeline: Pipeline = [
            {"$match": query},
            {"$sort": dict(request.order)},
            {"$limit": request.size + 1},
            {"$project": dict.fromkeys(self.hidden_fields, False)},
        ]
        pipeline, split = append_total(pipeline)
        index = self.choose_index(field) if self.choose_index else self.index
        hint = {"hint": index} if index else {}
        found = self.collection.aggregate(pipeline, session=current_client_session(), **hint)
        rows, total = split(found.to_list())
        return self._build_page(rows, request, total)

    def count(self, query: Query, max_count: int | None = None) -> int | None:
        """Count the documents. None for more than `max_count`, which is MAX_COUNTED by default."""
        max_count = MAX_COUNTED if max_count is None else max_count
        found: int = self.collection.count_documents(
            query,
            limit=max_count + 1,
            session=current_client_session(),
            **({"hint": self.index} if self.index else {}),
        )
        return None if found > max_count else found

    def _fetch_numbered(self, query: Query, request: PageRequest, total: int | None) -> list[Row]:
        """Fetch from the nearer end.

        So the last page, which Link offers, is not a walk through the whole index (measured in
        docs/decisions/008-the-directory.md).
        """
        wanted = request.size + 1
        if total is None or request.offset <= total // 2 or len(request.order) > 2:
            return self._fetch_sorted(query, request.order, request.offset, wanted)
        reverse = [(field, -direction) for field, direction in request.order]
        available = min(wanted, total - request.offset)
        skip = total - request.offset - available
        return self._fetch_sorted(query, reverse, skip, available)[::-1]

    def _build_page(self, rows: list[Row], request: PageRequest, total: int | None) -> Page[Row]:
        """Build a page. `rows` has one more item than the page, if there is a next page."""
        items = rows[: request.size]
        end = None
        if len(rows) > request.size:
            end = [items[-1].get(field) for field, _ in request.order]
        return Page(items, request.number, request.size, total, end, request.is_first)

    def _fetch_after(self, query: Query, order: Order, after: Position, limit: int) -> list[Row]:
        """Fetch the rows after `after`.

        First come those that tie with `after` in all fields but the last, then in all but two, and
        so on. Each of these queries has tight bounds in an index; their union with $or would not.
        """
        rows: list[Row] = []
        for depth in reversed(range(len(order))):
            beyond = _match_after(*order[depth], after[depth])
            if len(rows) < limit and beyond is not None:
                ties = zip(order[:depth], after, strict=False)
                same = [{field: {"$eq": value}} for (field, _), value in ties]
                matching = {"$and": [query, *same, beyond]}
                rows += self._fetch_sorted(matching, order, 0, limit - len(rows))
        return rows

    def _fetch_sorted(self, query: Query, order: Order, skip: int, limit: int) -> list[Row]:
        if len(order) > 2:
            query, order, skip = self._narrow_to_page(query, order, skip, limit)
        hidden = dict.fromkeys(self.hidden_fields, False)
        return list(self._find(query, hidden, order).sort(list(order)).skip(skip).limit(limit))

    def _narrow_to_page(
        self, query: Query, order: Order, skip: int, limit: int
    ) -> tuple[Query, Order, int]:
        """Restrict an order of several fields to the range of its first field on the page.

        The index has the order of the first field, so only what ties with a row of the page is
        left to sort. Where very many tie, as users do who never signed in, the index of the next
        field is used instead.
        """
        (field, direction), *rest = order
        keys = self._find(query, {field: True, "_id": False}, order)
        sort = [(field, direction), ("_id", direction)]
        found = list(keys.sort(sort).skip(skip).limit(limit))
        if not found:
            return query, order, skip
        first, last = found[0].get(field), found[-1].get(field)
        earlier = _match_after(field, -direction, first)
        if earlier is not None:
            before = self.collection.count_documents(
                {"$and": [query, earlier]}, session=current_client_session()
            )
            skip = max(0, skip - before)  # A document may have been inserted between the queries.
        bounds = [_match_from(field, direction, first), _match_from(field, -direction, last)]
        page = {"$and": [query, *bounds]}
        if first == last and self.count(page) is None:
            return page, rest, skip
        return page, order, skip

    def _find(self, query: Query, projection: Mapping[str, bool], order: Order) -> Any:
        session = current_client_session()
        found = self.collection.find(query, projection or None, session=session)
        index = self.choose_index(order[0][0]) if self.choose_index else self.index
        return found.hint(index) if index else found


def _match_after(field: str, direction: int, value: Any) -> Query | None:
    """Match what comes after `value`; None when nothing can. Null sorts before every value."""
    if value is None:
        return {field: {"$ne": None}} if direction > 0 else None
    return {field: {"$gt": value} if direction > 0 else {"$not": {"$gte": value}}}


def _match_from(field: str, direction: int, value: Any) -> Query:
    """Match `value` and what comes after it."""
    if value is None:
        return {} if direction > 0 else {field: None}
    return {field: {"$gte": value} if direction > 0 else {"$not": {"$gt": value}}}
