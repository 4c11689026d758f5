"""The only file that queries users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.kit.dao import BaseDAO
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.paging import MOST_COUNTED, Row
from rollbook.kit.schemas import MOST_DETAILS
from rollbook.kit.transactions import current_session, reaching
from rollbook.locks.dao import locks, of_user
from rollbook.users import references
from rollbook.users.documents import PRESENT, User, listed_by, listed_by_of_role
from rollbook.users.errors import EmailTaken, SeveralDeleted, TooBroad, UsernameTaken, UserNotFound
from rollbook.users.filters import BEGINNINGS, EITHER, Filters
from rollbook.users.references import Reference
from rollbook.users.tally_dao import Kind, kind_of, tallies

MOST_SORTED = 10_000
"""Of those who begin alike: sorting them takes a tenth of a second."""


@dataclass(frozen=True)
class Credentials:
    """What a sign-in is decided by."""

    id: ObjectId
    password_hash: str
    is_active: bool
    known_addresses: Sequence[str]


class UserDAO(BaseDAO[User]):
    document = User
    missing = UserNotFound
    taken: ClassVar = {"email_key": EmailTaken, "username_key": UsernameTaken}
    unlisted = ("password_hash", "known_addresses")
    present = PRESENT

    def insert(self, new: User) -> User:
        user = super().insert(new)
        tallies.move(None, kind_of(user))
        return user

    def alter(self, before: User, *, at: datetime, fields: Mapping[str, Any]) -> User:
        """As `change`, from the state that was read."""
        user = self.change(before.pk, version=before.version, at=at, fields=fields)
        self._moved(user.pk, kind_of(before), kind_of(user))
        return user

    def remove(self, id: ObjectId) -> User:
        user = super().remove(id)
        self._moved(user.pk, kind_of(user), None)
        return user

    def _moved(self, id: ObjectId, before: Kind, after: Kind | None) -> None:
        """A role, a state or a user that changes takes rights away, perhaps from someone who is using them."""
        tallies.move(before, after)
        if before != after:
            locks.take(of_user(id))

    def list_page(self, asked: PageRequest, filters: Filters) -> Page[Row]:
        """Where few are found, MongoDB chooses how; many are met soonest along the index of their order.

        Left to itself it keeps what was quick for the last one who asked alike, whoever that found. Raises: TooBroad.
        """
        query, pager = filters.query(), self._pager()
        with reaching():
            if filters.q is not None and asked.order[0][0] in BEGINNINGS:
                return pager.page(asked, query, lambda: self._few(query))
            total = self._tallied(filters) if filters.only_of_kind else pager.count(query)
            if total is None or total > MOST_COUNTED or not filters.narrows:
                pager = replace(pager, index_of=listed_by if filters.role is None else listed_by_of_role)
            return pager.page(asked, query, lambda: total)

    def _few(self, query: Mapping[str, Any]) -> int:
        """Who begins alike stands close together in such an order, or far: along it one may walk past everyone else."""
        total = self._pager().count(query, MOST_SORTED)
        if total is None:
            raise TooBroad()
        return total

    def _tallied(self, filters: Filters) -> int:
        deleted = filters.include_deleted
        return tallies.total(role=filters.role, is_active=filters.is_active, include_deleted=deleted)

    def find_deleted(self, reference: Reference) -> User | None:
        """Raises: SeveralDeleted, when an address or name was held by more than one who is deleted."""
        query = {reference.field: {"$eq": reference.value}, "is_deleted": True, "is_active": EITHER}
        with reaching():
            rows = self._collection.find(query, session=current_session()).sort("deleted_at", 1)
            found = [self._document(row) for row in rows.limit(MOST_DETAILS)]
        if len(found) > 1:
            raise SeveralDeleted.of(user.pk for user in found)
        return found[0] if found else None

    def ids_deleted_before(self, moment: datetime, *, limit: int) -> list[ObjectId]:
        """The first deleted first; `limit` 0: all of them."""
        query = {"is_deleted": True, "deleted_at": {"$lt": moment}}
        with reaching():
            found = self._collection.find(query, {"_id": True}, session=current_session())
            return [row["_id"] for row in found.sort("deleted_at", 1).limit(limit)]

    def count_deleted_before(self, moment: datetime) -> int:
        with reaching():
            return int(
                self._collection.count_documents(
                    {"is_deleted": True, "deleted_at": {"$lt": moment}}, session=current_session()
                )
            )

    def find_credentials(self, reference: Reference) -> Credentials | None:
        """Without making a document of it, which would take time that tells of a user."""
        fields = dict.fromkeys(("password_hash", "is_active", "known_addresses"), True)
        with reaching():
            query = {reference.field: {"$eq": reference.value}, **PRESENT}
            row = self._collection.find_one(query, fields, session=current_session())
        return row and Credentials(row["_id"], row["password_hash"], row["is_active"], row.get("known_addresses", ()))

    def has_lookalike(self, address: str, *, besides: ObjectId | None = None) -> bool:
        """Whether someone `besides` has an address that looks like `address` and is another one."""
        alike = {"email_skeleton": references.email_skeleton(address), **PRESENT, "_id": {"$ne": besides}}
        return self._any({**alike, "email_key": {"$ne": references.email_key(address)}})

    def get_by(self, reference: Reference) -> User:
        """Raises: UserNotFound."""
        user = self.find(reference.field, reference.value)
        if user is None:
            raise UserNotFound()
        return user

    def has_role(self, role: str) -> bool:
        """Does anyone have it, or would, if they were restored?"""
        return self._any({"role": role})

    def is_active_with(self, role: str, *, besides: ObjectId | None = None) -> bool:
        """Is anyone `besides` active and has it?"""
        return self._any({"role": role, "is_active": True, **PRESENT, "_id": {"$ne": besides}})

    def note_login(self, known: Credentials, *, at: datetime, fields: Mapping[str, Any]) -> User | None:
        """In one atomic write, if the user is active still and has the password that was looked at; else None.

        A sign-in is no change of the user: the version stays. It counts, so that it always writes: of two in one
        millisecond the second would write nothing, and a disabling at that instant would not have to wait for it.
        """
        with reaching():
            noted = self._collection.find_one_and_update(
                {"_id": known.id, "is_active": True, **PRESENT, "password_hash": known.password_hash},
                {"$set": {"last_login": at, **fields}, "$inc": {"logins": 1}},
                return_document=ReturnDocument.AFTER,
                session=current_session(),
            )
        return None if noted is None else self._document(noted)

    def _any(self, query: Mapping[str, Any]) -> bool:
        with reaching():
            return self._collection.find_one(query, {"_id": True}, session=current_session()) is not None


users = UserDAO()
