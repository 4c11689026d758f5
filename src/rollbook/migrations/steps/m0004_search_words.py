"""`q` finds users by any word of their names, so each user has the list of their words."""

from collections.abc import Callable
from typing import Any

from pymongo import UpdateOne

from rollbook.users.search import SEARCHED_FIELDS, list_pairs, list_words

TITLE = "store the words by which users are found"
BATCH = 2_000
WITHOUT = {"words": {"$exists": False}, "email": {"$type": "string"}}


def count(database: Any) -> int:
    """Count the users to look at."""
    return int(database.users.estimated_document_count())


def run(database: Any, tell: Callable[[int], None]) -> int:
    """Store the words of users who have none, and return how many users changed.

    It may stop anywhere and start again. `tell` is called after each batch, with its size.
    """
    changed = 0
    beyond: dict[str, Any] = {}
    fields = dict.fromkeys(SEARCHED_FIELDS, True)
    while rows := list(
        database.users.find(WITHOUT | beyond, fields).sort("_id", 1).limit(BATCH)
    ):
        updates = [_update(row) for row in rows]
        changed += database.users.bulk_write(updates, ordered=False).modified_count
        beyond = {"_id": {"$gt": rows[-1]["_id"]}}
        tell(len(rows))
    return changed


def catch_up(database: Any) -> int:
    """Do the same for users who were created meanwhile."""
    return run(database, lambda _: None)


def _update(row: dict[str, Any]) -> UpdateOne:
    """Build the update, unless the user changes meanwhile."""
    names = [row.get(field) for field in SEARCHED_FIELDS if field != "email"]
    words = list_words(names, row["email"])
    unchanged = {field: row.get(field) for field in SEARCHED_FIELDS}
    found = {"words": words, "word_pairs": list_pairs(words)}
    return UpdateOne({"_id": row["_id"], **unchanged}, {"$set": found})
