"""Making a fresh mongod a replica set of one node with one user, and waiting until it takes writes."""

import time
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

NAME = "rollbook"
USER = "rollbook"
INTERNAL = {"username": "__system", "authSource": "local"}
"""Whoever knows the key file counts as a member of the set, and may configure it and make its user."""
NOT_YET_INITIALIZED = 94
POLL_SECONDS = 0.02


def uri(port: int, key: str = "") -> str:
    """`key`: hexadecimal; without one, nobody has to sign in."""
    credentials, source = (f"{USER}:{key}@", "&authSource=admin") if key else ("", "")
    return f"mongodb://{credentials}127.0.0.1:{port}/?replicaSet={NAME}{source}"


def await_primary(port: int, *, seconds: float, gone: Callable[[], bool], key: str = "") -> bool:
    """Initiate on the first start, follow a changed port on a later one; with a `key`, have a user with that password.

    False when `seconds` were not enough, or mongod is `gone`.
    """
    deadline = time.monotonic() + seconds
    credentials: dict[str, Any] = {**INTERNAL, "password": key} if key else {}
    with MongoClient[Any](
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=200, timeoutMS=2000, **credentials
    ) as client:
        while time.monotonic() < deadline and not gone():
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    if key:
                        _ensure_user(client, key)
                    return True
                _configure(client, f"127.0.0.1:{port}")
            except PyMongoError:
                pass  # Not listening yet, or between two states; the deadline decides.
            time.sleep(POLL_SECONDS)
    return False


def _ensure_user(client: MongoClient[Any], key: str) -> None:
    """Also where the data is from before there was one, or from another key."""
    if client.admin.command("usersInfo", USER)["users"]:
        client.admin.command("updateUser", USER, pwd=key, roles=["root"])
    else:
        client.admin.command("createUser", USER, pwd=key, roles=["root"])


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
