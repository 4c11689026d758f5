"""Making a fresh mongod a replica set of one node, and waiting until it takes writes."""

import time
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

NAME = "rollbook"
NOT_YET_INITIALIZED = 94
POLL_SECONDS = 0.02


def uri(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/?replicaSet={NAME}"


def await_primary(port: int, *, seconds: float, gone: Callable[[], bool]) -> bool:
    """Initiate on the first start, follow a changed port on a later one.

    False when `seconds` were not enough, or mongod is `gone`.
    """
    deadline = time.monotonic() + seconds
    with MongoClient[Any](
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=200, timeoutMS=2000
    ) as client:
        while time.monotonic() < deadline and not gone():
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    return True
                _configure(client, f"127.0.0.1:{port}")
            except PyMongoError:
                pass  # Not listening yet, or between two states; the deadline decides.
            time.sleep(POLL_SECONDS)
    return False


def _configure(client: MongoClient[Any], host: str) -> None:
    """The set's only member must be known by the address it has today."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        client.admin.command("replSetInitiate", {"_id": NAME, "members": [{"_id": 0, "host": host}]})
        return
    if config["members"][0]["host"] != host:
        config["members"][0]["host"] = host
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
