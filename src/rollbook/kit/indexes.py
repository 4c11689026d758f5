"""Collections and their indexes: built from what the documents declare, and verified."""

from contextlib import suppress
from typing import Any

from pymongo.errors import CollectionInvalid

from rollbook.kit.documents import BaseDocument
from rollbook.kit.errors import Detail, NotReady


def build(document: type[BaseDocument]) -> None:
    """Idempotent, and safe to run in several processes at once: MongoDB builds an index once.

    Raises: NotReady, when an index is missing afterwards or is not as declared; and the driver's errors.
    """
    collection = document._get_collection()
    with suppress(CollectionInvalid):  # It is there already. A transaction needs it beforehand.
        collection.database.create_collection(collection.name)
    document.ensure_indexes()
    built = collection.index_information()
    for spec in document._meta["index_specs"]:
        if not _matches(spec, built.get(spec["name"])):
            fault = f"The index {spec['name']} on {collection.name} is missing or not as declared."
            raise NotReady(details=[Detail("mongodb", "index_missing", fault)])


def _matches(spec: dict[str, Any], found: dict[str, Any] | None) -> bool:
    if found is None:
        return False
    same_keys = [tuple(key) for key in found["key"]] == [tuple(field) for field in spec["fields"]]
    return same_keys and bool(found.get("unique")) == bool(spec.get("unique"))
