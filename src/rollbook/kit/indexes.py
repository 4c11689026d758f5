"""Collections and their indexes: built from what the documents declare, and verified."""

from typing import Any

from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from rollbook.kit.documents import BaseDocument
from rollbook.kit.errors import Detail, NotReady
from rollbook.kit.transactions import unhurried

NAMESPACE_EXISTS = 48


def verify(document: type[BaseDocument]) -> None:
    """Raises: NotReady, when an index is missing, is not as declared or not any more; and the driver's errors."""
    collection = document._get_collection()
    built = collection.index_information()
    for spec in document._meta["index_specs"]:
        if not _matches(spec, built.get(spec["name"])):
            raise _not_ready("index_missing", f"The index {spec['name']} on {collection.name} is missing or another.")
    for name in sorted(built.keys() & set(document._meta.get("former_indexes", ()))):
        raise _not_ready("index_former", f"The index {name} on {collection.name} is an earlier version's.")


def build(document: type[BaseDocument]) -> None:
    """Idempotent, and safe to run in several processes at once: MongoDB builds an index once. Takes the time it takes.

    Raises: NotReady, when stored values repeat where they must not; and the driver's errors.
    """
    collection = document._get_collection()
    with unhurried():  # A million users take longer than any request may.
        _create(collection)
        try:
            _drop_altered(document)
            document.ensure_indexes()
            _drop_former(document)
        except DuplicateKeyError:
            fault = f"A unique index on {collection.name} cannot be built: stored values repeat. Remove the duplicates."
            raise _not_ready("duplicates", fault) from None


def _drop_altered(document: type[BaseDocument]) -> None:
    """What has the name of an index of ours, and is another."""
    collection = document._get_collection()
    built = collection.index_information()
    for spec in document._meta["index_specs"]:
        if spec["name"] in built and not _matches(spec, built[spec["name"]]):
            collection.drop_index(spec["name"])


def _drop_former(document: type[BaseDocument]) -> None:
    """What was an index of ours once; last, so that what has to be unique is at every moment."""
    collection = document._get_collection()
    for name in collection.index_information().keys() & set(document._meta.get("former_indexes", ())):
        collection.drop_index(name)


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
    same_rules = all(found.get(rule) == spec.get(rule) for rule in ("partialFilterExpression", "expireAfterSeconds"))
    return same_keys and same_rules and bool(found.get("unique")) == bool(spec.get("unique"))


def _not_ready(code: str, message: str) -> NotReady:
    return NotReady(details=[Detail("mongodb", code, message)])
