"""What every DAO can do: get, find, page, insert, change, remove. Driver errors stop here and leave as facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from rollbook.kit.documents import BaseDocument
from rollbook.kit.errors import AppError, Conflict, NotFound
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.paging import Pager, Row
from rollbook.kit.transactions import Superseded, current_session, reaching

D = TypeVar("D", bound=BaseDocument)


class BaseDAO(Generic[D]):
    """`document` is the class it keeps; `missing` names an absent one; `taken`: the error for each unique field."""

    document: type[D]
    missing: ClassVar[type[AppError]] = NotFound
    taken: ClassVar[dict[str, type[AppError]]] = {}
    unlisted: ClassVar[tuple[str, ...]] = ()
    """Stored fields that a page leaves in the database."""
    present: ClassVar[Mapping[str, Any]] = {}
    """What those have that are there; the others are neither found nor listed."""

    def find(self, field: str, value: Any) -> D | None:
        """The one whose `field` (a stored, unique one) is `value`; None when there is none."""
        with reaching():
            found = self._collection.find_one({field: {"$eq": value}, **self.present}, session=current_session())
        return None if found is None else self._document(found)

    def get(self, id: ObjectId) -> D:
        """Raises: `missing`."""
        found = self.find("_id", id)
        if found is None:
            raise self.missing()
        return found

    def page(self, asked: PageRequest, query: Mapping[str, Any] | None = None) -> Page[Row]:
        """Of those that are there and that `query` (stored fields) selects."""
        with reaching():
            return self._pager().page(asked, {**self.present, **(query or {})})

    def insert(self, new: D) -> D:
        """Raises: the error in `taken` whose index refuses; the database decides, nobody looks first."""
        new.validate()
        try:
            with reaching():
                new.pk = self._collection.insert_one(new.to_mongo(), session=current_session()).inserted_id
        except DuplicateKeyError as error:
            raise self._conflict(error) from None
        return new

    def change(self, id: ObjectId, *, version: int, at: datetime, fields: Mapping[str, Any]) -> D:
        """Set `fields` (None removes one) if the document still has `version`; no upsert: nothing deleted comes back.

        Raises: Superseded when the version has moved on, `missing` when the document is gone, and as `insert`.
        """
        update: dict[str, Any] = {"$inc": {"version": 1}, "$set": {"updated_at": at}}
        update["$set"] |= {name: value for name, value in fields.items() if value is not None}
        if removed := {name: "" for name, value in fields.items() if value is None}:
            update["$unset"] = removed
        try:
            with reaching():
                changed = self._collection.find_one_and_update(
                    {"_id": id, "version": version},
                    update,
                    return_document=ReturnDocument.AFTER,
                    session=current_session(),
                )
        except DuplicateKeyError as error:
            raise self._conflict(error) from None
        if changed is None:
            self.get(id)
            raise Superseded()
        return self._document(changed)

    def remove(self, id: ObjectId) -> D:
        """For good; the document as it was. Raises: `missing`."""
        with reaching():
            removed = self._collection.find_one_and_delete({"_id": id}, session=current_session())
        if removed is None:
            raise self.missing()
        return self._document(removed)

    def _pager(self) -> Pager:
        return Pager(self._collection, self.unlisted)

    @property
    def _collection(self) -> Any:
        return self.document._get_collection()

    def _document(self, stored: Row) -> D:
        return self.document._from_son(stored)  # type: ignore[no-any-return] # MongoEngine has no types

    def _conflict(self, error: DuplicateKeyError) -> AppError:
        """By the index's own fields: the message repeats the value, and a value could spell another index's name."""
        fields = (error.details or {}).get("keyPattern", {})
        return next((self.taken[field]() for field in fields if field in self.taken), Conflict())
