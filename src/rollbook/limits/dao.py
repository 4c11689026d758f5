"""Counters of the `limits` library in our MongoDB, each counted in one atomic write."""

from typing import Any

from limits.storage.mongodb import MongoDBStorageBase
from mongoengine.connection import get_connection

from rollbook.limits.documents import LimitCounter


class CounterDAO(MongoDBStorageBase):
    """The library's storage on our own connection, with an index that is verified like any other.

    By itself the library opens a second client, with PyMongo's default time-out of 30 seconds.
    """

    STORAGE_SCHEME = None  # It cannot be chosen by a URI.

    def __init__(self) -> None:
        super().__init__("", wrap_exceptions=True)

    def __del__(self) -> None:
        """Do nothing. `rollbook.storage.database` owns the connection and closes it."""

    @property
    def storage(self) -> Any:
        return get_connection()

    @property
    def counters(self) -> Any:
        return LimitCounter._get_collection()

    def clear(self, key: str) -> None:
        """Delete one counter.

        The library would also clear windows, in a database that we may not have access to.
        """
        self.counters.delete_one({"_id": key}, session=None)

    def _init_mongo_client(self, *_: Any, **__: Any) -> Any:
        return get_connection()
