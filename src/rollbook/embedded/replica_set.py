"""Make a new mongod a replica set of one node with one user, and wait until it accepts writes."""

import time
from collections.abc import Callable
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

NAME = "rollbook"
USER = "rollbook"
INTERNAL_USER = {"username": "__system", "authSource": "local"}
"""With the key file as its password. It may configure the set and create the user."""
NOT_YET_INITIALIZED = 94
POLL_SECONDS = 0.02


def build_uri(port: int, key: str = "") -> str:
    """Build the URI. `key` is hexadecimal. Without a key, no sign-in is needed."""
    credentials, source = (f"{USER}:{key}@", "&authSource=admin") if key else ("", "")
    return f"mongodb://{credentials}127.0.0.1:{port}/?replicaSet={NAME}{source}"


def await_primary(
    port: int, *, seconds: float, has_ended: Callable[[], bool], key: str = ""
) -> bool:
    """Initiate the set at the first start, and follow a changed port at a later one.

    With a `key`, also create the user with that password. False when it takes longer than
    `seconds`, or when mongod has ended.
    """
    deadline = time.monotonic() + seconds
    credentials: dict[str, Any] = {**INTERNAL_USER, "password": key} if key else {}
    with MongoClient[Any](
        "127.0.0.1",
        port,
        directConnection=True,
        serverSelectionTimeoutMS=200,
        timeoutMS=2000,
        **credentials,
    ) as client:
        while time.monotonic() < deadline and not has_ended():
            try:
                if client.admin.command("hello").get("isWritablePrimary"):
                    if key:
                        _ensure_user(client, key)
                    return True
                _configure(client, f"127.0.0.1:{port}")
            except PyMongoError:
                pass  # It does not listen yet, or changes its state. The deadline decides.
            time.sleep(POLL_SECONDS)
    return False


def _ensure_user(client: MongoClient[Any], key: str) -> None:
    """Create the user, or set its password.

    The data may be from before there was a user, or have another key.
    """
    exists = client.admin.command("usersInfo", USER)["users"]
    client.admin.command("updateUser" if exists else "createUser", USER, pwd=key, roles=["root"])


def _configure(client: MongoClient[Any], host: str) -> None:
    """Configure the set with the current address of its only member."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != NOT_YET_INITIALIZED:
            raise
        members = [{"_id": 0, "host": host}]
        client.admin.command("replSetInitiate", {"_id": NAME, "members": members})
        return
    if config["members"][0]["host"] != host:
        config["members"][0]["host"] = host
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
