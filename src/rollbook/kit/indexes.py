"""Collections and their indexes: built from what the documents declare, and verified."""

from typing import Any

from pymongo.errors import CollectionInvalid, OperationFailure

from rollbook.kit.documents import BaseDocument
from rollbook.kit.errors import Detail, NotReady

NAMESPACE_EXISTS = 48


def build(document: type[BaseDocument]) -> None:
    """Idempotent, and safe to run in several processes at once: MongoDB builds an index once.

    Raises: NotReady, when an index is missing afterwards or is not as declared; and the driver's errors.
    """
    collection = document._get_collection()
    _create(collection)
    document.ensure_indexes()
    built = collection.index_information()
    for spec in document._meta["index_specs"]:
        if not _matches(spec, built.get(spec["name"])):
            fault = f"The index {spec['name']} on {collection.name} is missing or not as declared."
            raise NotReady(details=[Detail("mongodb", "index_missing", fault)])


def _create(collection: Any) -> None:
    """A transaction needs the collection beforehand. Another process may have made it just now."""
    try:
        collection.database.create_collection(collection.name)
    except (CollectionInvalid, OperationFailure) as error:
        if isinstance(error, OperationFailure) and error.code != NAMESPACE_EXISTS:
            raise


def _matches(spec: dict[str, Any], found: dict[str, Any] | None) -> bool:
    if found is None:
        return False
    same_keys = [tuple(key) for key in found["key"]] == [tuple(field) for field in spec["fields"]]
    return same_keys and bool(found.get("unique")) == bool(spec.get("unique"))
