"""What MongoDB says about itself. The user of MONGODB_URI may lack the right to ask."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from mongoengine.connection import get_connection, get_db
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.write_concern import WriteConcern

from rollbook.storage.driver_errors import translate_driver_errors

COLLECTION = "doctor"
"""Written to and dropped again."""


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


def measure_write() -> timedelta | None:
    """Write a document that a majority has on disk, and remove it. None if that fails."""
    concern = WriteConcern("majority", j=True)
    collection = get_db().get_collection(COLLECTION, write_concern=concern)
    started = time.monotonic()
    try:
        collection.insert_one({}, session=None)
        took = timedelta(seconds=time.monotonic() - started)
        collection.drop(session=None)
    except PyMongoError:
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
