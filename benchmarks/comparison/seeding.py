"""Fill a peer's database: one user made by its API, and copies of how it is stored."""

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import bcrypt
from bson import ObjectId
from pymongo.collection import Collection

USERS = 10_000
SAMPLE = 500
"""So many users, evenly spread, are read. So many others are changed."""
PASSWORD = "plenty of long words"
BATCH = 2_000
NEW_USER = json.dumps(
    {"name": "New $NUMBER", "email": "new$NUMBER@example.com", "password": PASSWORD}
)
NEW_NAME = json.dumps({"name": "User $NUMBER"})
"""Bodies of a creation and of a change, as `Load` fills them in."""


def build_ids() -> list[ObjectId]:
    return [ObjectId() for _ in range(USERS)]


def build_user(number: int) -> dict[str, str]:
    return {"name": f"User {number}", "email": f"user{number}@example.com"}


def hash_password(cost: int) -> str:
    """Hash PASSWORD with bcrypt."""
    return bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(cost)).decode()


def find_original(collection: Collection[Any], query: Mapping[str, Any]) -> dict[str, Any]:
    """Find a document that the API of a peer made. Raises: AssertionError, without one."""
    document = collection.find_one(query)
    assert document, f"{collection.name}: no {query}"
    return dict(document)


def insert_copies(
    collection: Collection[Any],
    original: Mapping[str, Any],
    get_differences: Callable[[int], Mapping[str, Any]],
) -> None:
    """Insert USERS copies of a document. `get_differences` takes the number of the copy."""
    copies = ({**original, **get_differences(number)} for number in range(USERS))
    while batch := list(itertools.islice(copies, BATCH)):
        collection.insert_many(batch, ordered=False)


def build_samples(ids: Sequence[object]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Build `id` and `email` of the users to read, and of those to change."""
    step = USERS // SAMPLE
    read, changed = (
        [{"id": str(ids[number]), "email": build_user(number)["email"]} for number in numbers]
        for numbers in (range(0, USERS, step), range(step // 2, USERS, step))
    )
    return read, changed
