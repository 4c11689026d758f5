"""What MongoDB says about itself. The user of MONGODB_URI may lack the right to ask."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mongoengine.connection import get_connection, get_db
from pymongo.errors import OperationFailure
from pymongo.write_concern import WriteConcern

from rollbook.kit.errors import Unavailable
from rollbook.storage.driver_errors import translate_driver_errors

COLLECTION = "doctor"
"""Written to and dropped again."""
NEEDED_ACTIONS = frozenset(
    {
        "changeStream",
        "collMod",
        "createCollection",
        "createIndex",
        "dropCollection",
        "dropIndex",
        "find",
        "insert",
        "remove",
        "update",
    }
)
"""What the roles `readWrite` and `dbAdmin` allow, as far as rollbook does it."""


def get_version() -> str:
    version: str = _run("buildInfo")["version"]
    return version


def get_hello() -> Mapping[str, Any]:
    return _run("hello")


def find_member_states() -> dict[str, str] | None:
    """Return the state of each member by its name. None without the right `clusterMonitor`."""
    try:
        status = get_connection().admin.command("replSetGetStatus", session=None)
    except OperationFailure:
        return None
    return {member["name"]: member["stateStr"] for member in status["members"]}


def find_transaction_lifetime() -> int | None:
    """Return `transactionLifetimeLimitSeconds`. None without the right `clusterMonitor`."""
    name = "transactionLifetimeLimitSeconds"
    try:
        return int(get_connection().admin.command("getParameter", session=None, **{name: 1})[name])
    except OperationFailure:
        return None


def find_missing_actions() -> list[str]:
    """Find which of NEEDED_ACTIONS the user of MONGODB_URI may not do on the whole database.

    Without a user, as on a MongoDB without authentication, none is missing.
    """
    with translate_driver_errors():
        info = get_connection().admin.command("connectionStatus", showPrivileges=True, session=None)
    status = info["authInfo"]
    if not status["authenticatedUsers"]:
        return []
    granted: set[str] = set()
    for privilege in status["authenticatedUserPrivileges"]:
        resource = privilege["resource"]
        covers = resource.get("db") in ("", get_db().name) and resource.get("collection") == ""
        if covers or resource.get("anyResource"):
            granted |= set(privilege["actions"])
    return sorted(NEEDED_ACTIONS - granted)


def measure_write() -> timedelta | None:
    """Write a document that a majority has on disk, and remove it. None if it takes too long.

    Raises: DatabaseError, without the right to write.
    """
    concern = WriteConcern("majority", j=True)
    collection = get_db().get_collection(COLLECTION, write_concern=concern)
    started = time.monotonic()
    try:
        with translate_driver_errors():
            collection.insert_one({}, session=None)
            took = timedelta(seconds=time.monotonic() - started)
            collection.drop(session=None)
    except Unavailable:
        return None
    return took


def get_disk() -> tuple[float, float]:
    """Return the size of MongoDB's disk, and what is free, in bytes."""
    with translate_driver_errors():
        stats = get_db().command("dbStats", session=None)
    return float(stats["fsTotalSize"]), float(stats["fsTotalSize"] - stats["fsUsedSize"])


def _run(command: str) -> Mapping[str, Any]:
    with translate_driver_errors():
        answer: Mapping[str, Any] = get_connection().admin.command(command, session=None)
    return answer
