"""Where attempts are counted: in our MongoDB, by the `limits` library, in one atomic write each."""

from typing import Any

from limits.storage.mongodb import MongoDBStorageBase
from mongoengine.connection import get_connection

from rollbook.limits.documents import LimitCounter


class CounterDAO(MongoDBStorageBase):
    """The library's own storage, on the connection that we have, with an index that is verified like any other.

    Left alone it opens a second client, with the driver's patience of 30 seconds.
    """

    STORAGE_SCHEME = None  # Not to be had by a URI.

    def __init__(self) -> None:
        super().__init__("", wrap_exceptions=True)

    def __del__(self) -> None:
        """The connection is not ours to close."""

    @property
    def storage(self) -> Any:
        return get_connection()

    @property
    def counters(self) -> Any:
        return LimitCounter._get_collection()

    def clear(self, key: str) -> None:
        """Of counters only: the library would look for windows in another database, where we may have no rights."""
        self.counters.delete_one({"_id": key}, session=None)

    def _init_mongo_client(self, uri: str | None, **options: int | str | bool) -> Any:  # noqa: ARG002 - theirs
        return get_connection()
