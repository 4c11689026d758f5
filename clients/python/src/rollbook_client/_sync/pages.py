"""Lists, page by page."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic

from rollbook_client.messages import Item, Page

if TYPE_CHECKING:
    from rollbook_client._sync.connection import Connection


class Pages(Generic[Item]):
    """The items of all pages, which are requested one by one while you iterate.

    It can be iterated again, which sends the requests again.
    """

    def __init__(self, connection: "Connection", path: str, query: Mapping[str, Any]) -> None:
        self._connection = connection
        self._path = path
        self._query = query

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            for item in page.items:
                yield item

    def pages(self) -> Iterator[Page[Item]]:
        """Iterate over the pages, for their totals. Raises: RollbookError."""
        query = dict(self._query)
        while True:
            body = self._connection.request("GET", self._path, query=query)
            yield Page(body["data"], body["pagination"])
            cursor = body["pagination"]["next_cursor"]
            if cursor is None:
                return
            query.pop("page", None)
            query["cursor"] = cursor
