"""The connection that MongoEngine's documents use, and its replacement while they are in use."""

from collections.abc import Callable, Iterator
from typing import Any

import mongoengine
from mongoengine import connection
from pymongo.errors import PyMongoError

from rollbook.storage.documents import BaseDocument

ALIAS: str = mongoengine.DEFAULT_CONNECTION_NAME


def connect(name: str, create_client: Callable[..., Any], *, replaces: Any = None) -> Any:
    """Let all documents use a new client of the database `name`, and return it.

    `replaces` is the client that they use now. Raises: mongoengine.ConnectionFailure.
    """
    if replaces is None:
        mongoengine.disconnect()
        return mongoengine.connect(db=name, mongo_client_class=create_client)
    try:
        client = create_client()
    except PyMongoError:
        raise mongoengine.ConnectionFailure() from None
    _replace(client, name)
    replaces.close()
    return client


def _replace(client: Any, name: str) -> None:
    """Give the client to MongoEngine, which has only `disconnect` and then `connect` for it.

    Between the two, requests in other threads would find no connection at all.
    """
    database = client[name]
    connection._connections[ALIAS] = client
    connection._dbs[ALIAS] = database
    for document in _list_documents(BaseDocument):
        document._collection = database[document._get_collection_name()]


def _list_documents(base: type[BaseDocument]) -> Iterator[type[BaseDocument]]:
    for document in base.__subclasses__():
        yield from _list_documents(document)
        if not document._meta.get("abstract"):
            yield document
