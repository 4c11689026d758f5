"""Lists, page by page."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Generic

from rollbook_client.messages import Item, Page

if TYPE_CHECKING:
    from rollbook_client._async.connection import AsyncConnection


class AsyncPages(Generic[Item]):
    """The items of all pages, which are requested one by one while you iterate.

    It can be iterated again, which sends the requests again.
    """

    def __init__(self, connection: "AsyncConnection", path: str, query: Mapping[str, Any]) -> None:
        self._connection = connection
        self._path = path
        self._query = query

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[Item]]:
        """Iterate over the pages, for their totals. Raises: RollbookError."""
        query = dict(self._query)
        while True:
            body = await self._connection.request("GET", self._path, query=query)
            yield Page(body["data"], body["pagination"])
            cursor = body["pagination"]["next_cursor"]
            if cursor is None:
                return
            query.pop("page", None)
            query["cursor"] = cursor
