"""Ids of sessions were ObjectIds, each of which tells of the next; since then they are 128 random bits.

A session goes on: its refresh token stays good, and only its access token has to be refreshed.
"""

import secrets
from collections.abc import Callable
from typing import Any

TITLE = "give sessions random ids"
BATCH = 500
FORMER = {"_id": {"$type": "objectId"}}


def count(database: Any) -> int:
    """How many it has to look at."""
    return int(database.sessions.count_documents(FORMER))


def run(database: Any, tell: Callable[[int], None]) -> int:
    """How many it changed. One that was replaced is not found again, so it may stop anywhere; killed in the middle,
    it may lose one session, whose user signs in again.

    `tell` is called after each batch, with how many it looked at.
    """
    if count(database):
        database.command("collMod", "sessions", validationLevel="off")  # The validator of before takes no other ids.
    return _replace(database, tell)


def catch_up(database: Any) -> int:
    """The same for what came since, now under the validator of today; how many it changed."""
    return _replace(database, lambda _: None)


def _replace(database: Any, tell: Callable[[int], None]) -> int:
    changed = 0
    while session := database.sessions.find_one_and_delete(FORMER):  # First, since the token's hash is unique.
        database.sessions.insert_one({**session, "_id": secrets.token_hex(16)})
        changed += 1
        if changed % BATCH == 0:
            tell(BATCH)
    return changed
