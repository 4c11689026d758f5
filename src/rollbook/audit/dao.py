"""The only file that queries the audit log. It can append, read, and take out personal values, and nothing else."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from rollbook.audit.documents import OF_A_VERSION, AuditEntry
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.paging import Pager, Row
from rollbook.kit.transactions import current_session, reaching

OF_THE_ACTOR = ("ip", "user_agent")


class AuditDAO:
    def append(self, entry: AuditEntry) -> None:
        entry.validate()
        with reaching():
            self._collection.insert_one(entry.to_mongo(), session=current_session())

    def redact(self, user_id: str, fields: Collection[str]) -> None:
        """Take the values of `fields` out of every entry about that user, and their addresses out of every one by them.

        Who did what and when stays.
        """
        known = {f"changes.{field}": _emptied(f"$changes.{field}") for field in fields}
        about = {"target_type": "user", "target_id": user_id}
        told = {**about, "$or": [{field: {"$exists": True}} for field in known]}
        by = {"actor_id": user_id, "$or": [{field: {"$exists": True}} for field in OF_THE_ACTOR]}
        with reaching():
            self._collection.update_many(told, [{"$set": known | {"redacted": True}}], session=current_session())
            unset = {"$unset": dict.fromkeys(OF_THE_ACTOR, ""), "$set": {"redacted": True}}
            self._collection.update_many(by, unset, session=current_session())

    def page(
        self,
        asked: PageRequest,
        *,
        target_user: str | None,
        actor_id: str | None,
        action: str | None,
        since: datetime | None,
        until: datetime | None,
        about_or_by: str | None,
    ) -> Page[Row]:
        """`action` may end in `*`. `about_or_by`: the user whose entries alone are told; None: everyone's."""
        conditions: list[Mapping[str, Any]] = []
        if target_user is not None:
            conditions += [{"target_type": "user", "target_id": {"$eq": target_user}}]
        if actor_id is not None:
            conditions += [{"actor_id": {"$eq": actor_id}}]
        if action is not None:
            conditions += [{"action": _matching(action)}]
        if bounds := {k: v for k, v in {"$gte": since, "$lt": until}.items() if v is not None}:
            conditions += [{"at": bounds}]
        if about_or_by is not None:
            about = {"target_type": "user", "target_id": {"$eq": about_or_by}}
            conditions += [{"$or": [about, {"actor_id": {"$eq": about_or_by}}]}]
        return self._page(asked, {"$and": conditions} if conditions else {})

    def history(self, asked: PageRequest, user_id: str) -> Page[Row]:
        """Of one user: what made a version of it."""
        return self._page(asked, {"target_type": "user", "target_id": {"$eq": user_id}, **OF_A_VERSION})

    def _page(self, asked: PageRequest, query: Mapping[str, Any]) -> Page[Row]:
        with reaching():
            return Pager(self._collection).page(asked, query)

    @property
    def _collection(self) -> Any:
        return AuditEntry._get_collection()


def _matching(action: str) -> dict[str, str]:
    if not action.endswith("*"):
        return {"$eq": action}
    return {"$gte": action[:-1], "$lt": action[:-1] + "\U0010ffff"}


def _emptied(field: str) -> dict[str, Any]:
    """That it changed stays; a field that an entry does not have is not made."""
    return {"$cond": [{"$eq": [{"$type": field}, "missing"]}, "$$REMOVE", {"before": None, "after": None}]}


entries = AuditDAO()
