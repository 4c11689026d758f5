"""Collections and their indexes: built from the declarations of the documents, and verified."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from rollbook.kit.errors import Detail, NotReady
from rollbook.storage.documents import BaseDocument
from rollbook.storage.driver_errors import without_timeout

NAMESPACE_EXISTS = 48


EXTRA_PREFIX = "x-indexed:"
"""Of the names of indexes that the settings declare, and not the document."""

Specs = Sequence[Mapping[str, Any]]
"""Specifications of indexes: `name`, `fields` as pairs of field and direction, and rules."""


def verify(document: type[BaseDocument], extra: Specs = ()) -> None:
    """Verify the indexes of the document, and the `extra` ones of the settings.

    Raises: NotReady, when an index is missing, differs or is obsolete; PyMongoError.
    """
    collection = document._get_collection()
    built = collection.index_information()
    for spec in (*document._meta["index_specs"], *extra):
        if not _matches(spec, built.get(spec["name"])):
            message = f"The index {spec['name']} on {collection.name} is missing or differs."
            raise _not_ready("index_missing", message)
    for name in sorted(built.keys() & set(document._meta.get("obsolete_indexes", ()))):
        message = f"The index {name} on {collection.name} belongs to an earlier version."
        raise _not_ready("index_former", message)


def build(document: type[BaseDocument], extra: Specs = ()) -> None:
    """Build what is missing. It is idempotent, and safe in several processes at once.

    There is no time limit: an index on a million users takes longer than a request may.

    Raises: NotReady, when stored values repeat in a unique field; PyMongoError.
    """
    collection = document._get_collection()
    with without_timeout():
        _create_collection(collection)
        try:
            _drop_changed(document)
            document.ensure_indexes()
            for spec in extra:
                collection.create_index(spec["fields"], name=spec["name"])
            _drop_obsolete(document, {spec["name"] for spec in extra})
        except DuplicateKeyError:
            message = (
                f"A unique index on {collection.name} cannot be built, because stored values "
                "repeat. Remove the duplicates."
            )
            raise _not_ready("duplicates", message) from None


def _drop_changed(document: type[BaseDocument]) -> None:
    """Drop indexes that have the name of a declared one, but another definition."""
    collection = document._get_collection()
    built = collection.index_information()
    for spec in document._meta["index_specs"]:
        if spec["name"] in built and not _matches(spec, built[spec["name"]]):
            collection.drop_index(spec["name"])


def _drop_obsolete(document: type[BaseDocument], extra: Set[str]) -> None:
    """Drop obsolete indexes last, so that unique fields stay unique at every moment."""
    collection = document._get_collection()
    obsolete = set(document._meta.get("obsolete_indexes", ()))
    for name in collection.index_information():
        if name in obsolete or (name.startswith(EXTRA_PREFIX) and name not in extra):
            collection.drop_index(name)


def _create_collection(collection: Any) -> None:
    """Create the collection, unless it exists.

    A transaction needs the collection to exist. Another process may have just created it.
    """
    try:
        collection.database.create_collection(collection.name)
    except (CollectionInvalid, OperationFailure) as error:
        if isinstance(error, OperationFailure) and error.code != NAMESPACE_EXISTS:
            raise


def _matches(spec: Mapping[str, Any], found: dict[str, Any] | None) -> bool:
    if found is None:
        return False
    same_keys = [tuple(key) for key in found["key"]] == [tuple(field) for field in spec["fields"]]
    rules = ("partialFilterExpression", "expireAfterSeconds")
    same_rules = all(found.get(rule) == spec.get(rule) for rule in rules)
    return same_keys and same_rules and bool(found.get("unique")) == bool(spec.get("unique"))


def _not_ready(code: str, message: str) -> NotReady:
    return NotReady(details=[Detail("mongodb", code, message)])
