"""Users of version 0.1 were there or gone; since soft deletion each says which: `is_deleted`."""

from collections.abc import Callable, Iterator
from typing import Any

from bson import ObjectId

TITLE = "mark users as not deleted"
BATCH = 2_000
UNMARKED = {"is_deleted": {"$exists": False}}


def count(database: Any) -> int:
    """How many it has to look at."""
    return int(database.users.estimated_document_count())


def run(database: Any, tell: Callable[[int], None]) -> int:
    """How many it changed. A batch that is done changes nothing when it is done again, so it may stop anywhere.

    `tell` is called after each batch, with how many it looked at.
    """
    changed = 0
    for first, last, size in _batches(database.users):
        marked = {"_id": {"$gte": first, "$lte": last}, **UNMARKED}
        changed += database.users.update_many(marked, {"$set": {"is_deleted": False}}).modified_count
        tell(size)
    return changed


def catch_up(database: Any) -> int:
    """The same for what came since, once `is_deleted` has an index; how many it changed."""
    return int(database.users.update_many(UNMARKED, {"$set": {"is_deleted": False}}).modified_count)


def _batches(users: Any) -> Iterator[tuple[ObjectId, ObjectId, int]]:
    """The first and last id of each, and how many are between them."""
    beyond: dict[str, Any] = {}
    while ids := [row["_id"] for row in users.find(beyond, {"_id": True}).sort("_id", 1).limit(BATCH)]:
        yield ids[0], ids[-1], len(ids)
        beyond = {"_id": {"$gt": ids[-1]}}
