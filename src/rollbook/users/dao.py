"""The only file that queries users."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.kit.validation import MAX_DETAILS
from rollbook.locks.dao import locks, user_lock
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors
from rollbook.storage.paging import MAX_COUNTED
from rollbook.tallies.dao import tallies
from rollbook.users import errors, kinds
from rollbook.users.credentials import CREDENTIAL_FIELDS, Credentials
from rollbook.users.documents import (
    NOT_DELETED,
    ROLE_LIST_INDEX,
    User,
    get_list_index,
    get_role_list_index,
)
from rollbook.users.filters import ANY_BOOLEAN, SEARCHED_KEYS, Selection
from rollbook.users.references import Reference, get_email_key, get_email_skeleton

_HIDDEN = ("password_hash", "known_addresses", "known_devices", "words", "word_pairs")
VISIBLE = dict.fromkeys(_HIDDEN, False)
"""A projection of what a response may need."""
MAX_SORTED = 10_000
"""Sorting that many matches of a search takes a tenth of a second."""


class UserDAO(BaseDAO[User]):
    document = User
    not_found = errors.UserNotFound
    unique_errors: ClassVar = {
        "email_key": errors.EmailTaken,
        "username_key": errors.UsernameTaken,
        "external_id": errors.ExternalIdTaken,
        "_id": errors.IdTaken,
    }
    hidden_fields = tuple(VISIBLE)
    base_filter = NOT_DELETED

    def insert(self, new: User) -> User:
        user = super().insert(new)
        tallies.move(None, kinds.get_kind(user).key)
        return user

    def update_from(self, before: User, *, at: datetime, fields: Mapping[str, Any]) -> User:
        """Update like `update`, from the state that was read."""
        user = self.update(before.pk, version=before.version, at=at, fields=fields)
        self._count_change(before, user)
        return user

    def delete(self, id: ObjectId) -> User:
        user = super().delete(id)
        self._count_change(user, None)
        return user

    def list_users(self, request: PageRequest, selection: Selection) -> Page[Row]:
        """List a page of users. Raises: TooBroad.

        A long list follows the index of its order. For a short one MongoDB chooses the index;
        without a hint it would also keep the plan of a short list for a long one.
        """
        query = selection.build_query()
        pager = replace(self._pager(), index=selection.find_index())
        with translate_driver_errors():
            if selection.get("q") is not None and request.order[0][0] in SEARCHED_KEYS:
                return pager.list_page(request, query, partial(self._count_sortable, query))
            has_role = selection.get("role") is not None
            long = replace(pager, choose_index=get_role_list_index if has_role else get_list_index)
            is_long = selection.is_tallied and not selection.is_narrow
            if is_long and request.is_first_of_index and pager.has_unions:
                append_total = partial(tallies.append_to, matches=_match_kinds(selection))
                return long.list_first_page(request, query, append_total)
            total = self._tally(selection) if selection.is_tallied else pager.count(query)
            if total is None or total > MAX_COUNTED or not selection.is_narrow:
                pager = long
            return pager.list_page(request, query, lambda: total)

    def find_deleted(self, reference: Reference) -> User | None:
        """Find a deleted user.

        Raises: SeveralDeleted, when several deleted users had the address or the username.
        """
        query = {
            reference.field: {"$eq": reference.value},
            "is_deleted": True,
            "is_active": ANY_BOOLEAN,
        }
        with translate_driver_errors():
            rows = self._collection.find(query, session=current_client_session())
            found = [self.to_document(row) for row in rows.sort("deleted_at", 1).limit(MAX_DETAILS)]
        if len(found) > 1:
            raise errors.SeveralDeleted.of(user.pk for user in found)
        return found[0] if found else None

    def list_deleted_before(self, time: datetime, *, limit: int) -> list[ObjectId]:
        """List ids, the earliest deletion first. `limit` 0 means all of them."""
        with translate_driver_errors():
            found = self._collection.find(
                _deleted_before(time), {"_id": True}, session=current_client_session()
            )
            return [row["_id"] for row in found.sort("deleted_at", 1).limit(limit)]

    def count_deleted_before(self, time: datetime) -> int:
        with translate_driver_errors():
            found = self._collection.count_documents(
                _deleted_before(time), session=current_client_session()
            )
            return int(found)

    def find_credentials(self, reference: Reference) -> Credentials | None:
        """Find a row: building a document takes time that would reveal that a user exists."""
        query = {reference.field: {"$eq": reference.value}, **NOT_DELETED}
        fields = dict.fromkeys(CREDENTIAL_FIELDS, True)
        with translate_driver_errors():
            row = self._collection.find_one(query, fields, session=current_client_session())
        return None if row is None else Credentials.from_row(row)

    def has_lookalike(self, address: str, *, besides: ObjectId | None = None) -> bool:
        """Return whether another user has a different address that looks the same."""
        return self._exists(
            {
                "email_skeleton": get_email_skeleton(address),
                "email_key": {"$ne": get_email_key(address)},
                "_id": {"$ne": besides},
                **NOT_DELETED,
            }
        )

    def get_by_reference(self, reference: Reference) -> User:
        """Return the user that `reference` refers to. Raises: UserNotFound."""
        user = self.find(reference.field, reference.value)
        if user is None:
            raise errors.UserNotFound()
        return user

    def is_role_used(self, role: str) -> bool:
        """Return whether a user has the role, or a deleted one who could be restored."""
        return self._exists({"role": role})

    def has_active_user(self, role: str, *, besides: ObjectId | None = None) -> bool:
        query = {"role": role, "is_active": True, **NOT_DELETED, "_id": {"$ne": besides}}
        return self._exists(query)

    def record_login(
        self, known: Credentials, *, at: datetime, fields: Mapping[str, Any]
    ) -> User | None:
        """Set `last_login` and `fields` in one atomic write.

        None when the user has been disabled, deleted or given another password meanwhile. The
        version does not change. `logins` makes every sign-in a write: otherwise, of two in one
        millisecond the second would write nothing, and would not conflict with a revocation.
        """
        with translate_driver_errors():
            updated = self._collection.find_one_and_update(
                {
                    "_id": known.id,
                    "is_active": True,
                    "password_hash": known.password_hash,
                    **NOT_DELETED,
                },
                {"$set": {"last_login": at, **fields}, "$inc": {"logins": 1}},
                return_document=ReturnDocument.AFTER,
                session=current_client_session(),
            )
        return None if updated is None else self.to_document(updated)

    def recount(self) -> bool:
        """Correct the tallies, and return whether they were wrong. Call it in a transaction."""
        group = {
            "_id": {"role": "$role", "is_active": "$is_active", "is_deleted": "$is_deleted"},
            "n": {"$sum": 1},
        }
        counted = Counter[str]()
        with translate_driver_errors():
            groups = self._collection.aggregate(
                [{"$group": group}], hint=ROLE_LIST_INDEX, session=current_client_session()
            )
            for row in groups:
                counted[kinds.parse_kind(row["_id"]).key] += row["n"]
        return tallies.correct(counted)

    def _count_change(self, before: User, after: User | None) -> None:
        """Count a change in the tallies, and lock the user when the kind changes.

        A change of the role or the state, or a deletion, takes rights away: see `locks`.
        """
        old, new = kinds.get_kind(before), kinds.get_kind(after) if after else None
        tallies.move(old.key, new and new.key)
        if old != new:
            locks.acquire_exclusive(user_lock(before.pk))

    def _count_sortable(self, query: Mapping[str, Any]) -> int:
        """Count up to a cap, since sorting by a searched field may scan the whole index."""
        total = self._pager().count(query, MAX_SORTED)
        if total is None:
            raise errors.TooBroad()
        return total

    def _tally(self, selection: Selection) -> int:
        return tallies.sum(_match_kinds(selection))

    def _exists(self, query: Mapping[str, Any]) -> bool:
        session = current_client_session()
        with translate_driver_errors():
            return self._collection.find_one(query, {"_id": True}, session=session) is not None


def _match_kinds(selection: Selection) -> Callable[[str], bool]:
    names = ("role", "is_active", "include_deleted")
    return partial(kinds.matches, **{name: selection.get(name) for name in names})


def join_active_user(*, local_field: str) -> list[dict[str, Any]]:
    """Build aggregation stages that join the active user with the id `local_field`.

    They set `user` to a list of that user. A row without such a user is dropped.
    """
    users_collection = User._get_collection_name()
    lookup = {"from": users_collection, "localField": local_field, "foreignField": "_id"}
    active = {"$elemMatch": {"is_active": True, **NOT_DELETED}}
    return [{"$lookup": {**lookup, "as": "user"}}, {"$match": {"user": active}}]


def _deleted_before(time: datetime) -> dict[str, Any]:
    return {"is_deleted": True, "deleted_at": {"$lt": time}}


users = UserDAO()
