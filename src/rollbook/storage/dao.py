"""The operations that every DAO has: find, get, list, insert, update and delete documents."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from rollbook.kit.errors import AppError, Conflict, NotFound
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.storage.documents import BaseDocument
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors
from rollbook.storage.paging import Pager
from rollbook.storage.transactions import WriteConflict

D = TypeVar("D", bound=BaseDocument)


class BaseDAO(Generic[D]):
    """The only class that queries the collection of `document`."""

    document: type[D]
    not_found: ClassVar[type[AppError]] = NotFound
    unique_errors: ClassVar[Mapping[str, type[AppError]]] = {}
    """Unique field → the error that a duplicate raises."""
    hidden_fields: ClassVar[tuple[str, ...]] = ()
    """Stored fields that a page does not fetch."""
    base_filter: ClassVar[Mapping[str, Any]] = {}
    """A MongoDB filter. Documents that it does not match are neither found nor listed."""

    def find(self, field: str, value: Any) -> D | None:
        """Find a document by a unique field."""
        found = self.find_row(field, value)
        return None if found is None else self.to_document(found)

    def find_row(
        self, field: str, value: Any, fields: Mapping[str, bool] | None = None
    ) -> Row | None:
        """Find the stored form of a document: a read needs no more, and it is much faster.

        `fields` is a MongoDB projection.
        """
        query = {field: {"$eq": value}, **self.base_filter}
        session = current_client_session()
        with translate_driver_errors():
            row: Row | None = self._collection.find_one(query, fields, session=session)
        return row

    def get(self, id: ObjectId) -> D:
        """Return the document with this id. Raises: `not_found`."""
        found = self.find("_id", id)
        if found is None:
            raise self.not_found()
        return found

    def list_page(self, request: PageRequest, query: Mapping[str, Any] | None = None) -> Page[Row]:
        """List a page of the documents that the MongoDB filter `query` matches."""
        with translate_driver_errors():
            return self._pager().list_page(request, {**self.base_filter, **(query or {})})

    def insert(self, new: D) -> D:
        """Insert a document.

        Raises: the error in `unique_errors`, when the database refuses a duplicate.
        """
        new.validate()
        try:
            with translate_driver_errors():
                inserted = self._collection.insert_one(
                    new.to_mongo(), session=current_client_session()
                )
        except DuplicateKeyError as error:
            raise self._translate_duplicate(error) from None
        new.pk = inserted.inserted_id
        return new

    def update(self, id: ObjectId, *, version: int, at: datetime, fields: Mapping[str, Any]) -> D:
        """Set `fields` if the document still has `version`. None removes a field.

        There is no upsert, so a document that was deleted meanwhile does not come back.

        Raises: WriteConflict, when the document has another version; `not_found`; as `insert`.
        """
        update: dict[str, Any] = {"$inc": {"version": 1}, "$set": {"updated_at": at}}
        update["$set"] |= {name: value for name, value in fields.items() if value is not None}
        if removed := {name: "" for name, value in fields.items() if value is None}:
            update["$unset"] = removed
        try:
            with translate_driver_errors():
                updated = self._collection.find_one_and_update(
                    {"_id": id, "version": version},
                    update,
                    return_document=ReturnDocument.AFTER,
                    session=current_client_session(),
                )
        except DuplicateKeyError as error:
            raise self._translate_duplicate(error) from None
        if updated is None:
            self.get(id)
            raise WriteConflict()
        return self.to_document(updated)

    def delete(self, id: ObjectId) -> D:
        """Delete a document, and return it as it was. Raises: `not_found`."""
        with translate_driver_errors():
            deleted = self._collection.find_one_and_delete(
                {"_id": id}, session=current_client_session()
            )
        if deleted is None:
            raise self.not_found()
        return self.to_document(deleted)

    def _pager(self) -> Pager:
        return Pager(self._collection, self.hidden_fields)

    @property
    def _collection(self) -> Any:
        return self.document._get_collection()

    def to_document(self, stored: Row) -> D:
        return self.document._from_son(stored)  # type: ignore[no-any-return] # untyped

    def _translate_duplicate(self, error: DuplicateKeyError) -> AppError:
        """Translate a duplicate by the fields of the index.

        MongoDB's message repeats the value, which could be the name of another index.
        """
        fields = (error.details or {}).get("keyPattern", {})
        known = [self.unique_errors[field] for field in fields if field in self.unique_errors]
        return known[0]() if known else Conflict()
