"""The only file that queries the audit log. It can append, read, and take out personal values, and nothing else."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from rollbook.audit.documents import OF_A_VERSION, AuditEntry
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.paging import Pager, Row
from rollbook.kit.transactions import current_session, reaching

OF_THE_ACTOR = ("ip", "user_agent")
_NOWHERE: dict[str, Any] = {"$unset": dict.fromkeys(OF_THE_ACTOR, ""), "$set": {"redacted": True}}


class AuditDAO:
    def append(self, entry: AuditEntry) -> None:
        entry.validate()
        with reaching():
            self._collection.insert_one(entry.to_mongo(), session=current_session())

    def redact(self, user_id: str, fields: Collection[str]) -> None:
        """Take the values of `fields` out of every entry about that user, and from where they acted out of every one.

        Who did what and when stays, and from where someone else did it.
        """
        known = {f"changes.{field}": _emptied(f"$changes.{field}") for field in fields}
        told = {"target_type": "user", "target_id": user_id, "$or": [{field: {"$exists": True}} for field in known]}
        with reaching():
            self._collection.update_many(told, [{"$set": known | {"redacted": True}}], session=current_session())
            for query in _acted(user_id):
                self._collection.update_many(query, _NOWHERE, session=current_session())

    def redact_origins(self, user_id: str, *, limit: int) -> None:
        """From where the user acted, of at most that many entries of each kind."""
        with reaching():
            for query in _acted(user_id):
                rows = self._collection.find(query, {"_id": True}, session=current_session()).limit(limit)
                ids = [row["_id"] for row in rows]
                self._collection.update_many({"_id": {"$in": ids}}, _NOWHERE, session=current_session())

    def has_origins(self, user_id: str, *, beyond: int) -> bool:
        """Whether more entries than that tell from where the user acted."""
        with reaching():
            found = [
                self._collection.count_documents(query, limit=beyond + 1, session=current_session())
                for query in _acted(user_id)
            ]
        return bool(sum(found) > beyond)

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


def _acted(user_id: str) -> list[dict[str, Any]]:
    """What the user did, signed in or not, as far as it tells from where."""
    tells = {"$or": [{field: {"$exists": True}} for field in OF_THE_ACTOR]}
    signed_out = {"target_type": "user", "target_id": user_id, "actor_type": "anonymous"}
    return [{"actor_id": user_id, **tells}, {**signed_out, **tells}]


def _emptied(field: str) -> dict[str, Any]:
    """That it changed stays; a field that an entry does not have is not made."""
    return {"$cond": [{"$eq": [{"$type": field}, "missing"]}, "$$REMOVE", {"before": None, "after": None}]}


entries = AuditDAO()
