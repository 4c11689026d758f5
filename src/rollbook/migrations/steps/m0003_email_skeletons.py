"""An address that looks like an existing one is refused at registration, so each user has the skeleton of theirs."""

from collections.abc import Callable
from typing import Any

from email_validator import EmailNotValidError, validate_email
from pymongo import UpdateOne

from rollbook.kit.lookalikes import skeleton

TITLE = "note what e-mail addresses look like"
BATCH = 2_000
WITHOUT = {"email_skeleton": {"$exists": False}, "email": {"$type": "string"}}


def count(database: Any) -> int:
    """How many it has to look at."""
    return int(database.users.estimated_document_count())


def run(database: Any, tell: Callable[[int], None]) -> int:
    """How many it changed. Who has a skeleton is not looked at again, so it may stop anywhere.

    `tell` is called after each batch, with how many it looked at.
    """
    changed = 0
    beyond: dict[str, Any] = {}
    while rows := list(database.users.find(WITHOUT | beyond, {"email": True}).sort("_id", 1).limit(BATCH)):
        updates = [
            UpdateOne({"_id": row["_id"], "email": row["email"]}, {"$set": {"email_skeleton": _skeleton(row["email"])}})
            for row in rows
        ]
        changed += database.users.bulk_write(updates, ordered=False).modified_count
        beyond = {"_id": {"$gt": rows[-1]["_id"]}}
        tell(len(rows))
    return changed


def catch_up(database: Any) -> int:
    """The same for what came since; how many it changed."""
    return run(database, lambda _: None)


def _skeleton(address: str) -> str:
    """Of what is no address any more by today's rules, as it is written."""
    try:
        parts = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        return skeleton(address)
    return skeleton(f"{parts.local_part}@{parts.domain}")
