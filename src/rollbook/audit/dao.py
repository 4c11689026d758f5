"""The only file that queries the audit log: it appends, reads and redacts entries."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from rollbook.audit.documents import HAS_VERSION, AuditEntry
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors
from rollbook.storage.paging import Pager

ORIGIN_FIELDS = ("ip", "user_agent")
_REMOVE_ORIGIN: dict[str, Any] = {
    "$unset": dict.fromkeys(ORIGIN_FIELDS, ""),
    "$set": {"redacted": True},
}


class AuditDAO:
    def append(self, entry: AuditEntry) -> None:
        entry.validate()
        with translate_driver_errors():
            self._collection.insert_one(entry.to_mongo(), session=current_client_session())

    def redact(self, user_id: str, fields: Collection[str]) -> None:
        """Remove the values of `fields` from the entries about the user.

        Also remove where the user acted from. Who did what and when stays.
        """
        redacted = {f"changes.{field}": _redact_change(f"$changes.{field}") for field in fields}
        has_field = [{field: {"$exists": True}} for field in redacted]
        about = {"target_type": "user", "target_id": user_id, "$or": has_field}
        update = [{"$set": redacted | {"redacted": True}}]
        with translate_driver_errors():
            self._collection.update_many(about, update, session=current_client_session())
            for query in _with_origin(user_id):
                self._collection.update_many(
                    query, _REMOVE_ORIGIN, session=current_client_session()
                )

    def redact_origins(self, user_id: str, *, limit: int) -> None:
        """Remove where the user acted from, from at most `limit` entries of each query."""
        with translate_driver_errors():
            for query in _with_origin(user_id):
                rows = self._collection.find(query, {"_id": True}, session=current_client_session())
                ids = [row["_id"] for row in rows.limit(limit)]
                self._collection.update_many(
                    {"_id": {"$in": ids}}, _REMOVE_ORIGIN, session=current_client_session()
                )

    def has_origins(self, user_id: str, *, beyond: int) -> bool:
        """Return whether more than `beyond` entries show where the user acted from."""
        with translate_driver_errors():
            counts = [
                self._collection.count_documents(
                    query, limit=beyond + 1, session=current_client_session()
                )
                for query in _with_origin(user_id)
            ]
        return bool(sum(counts) > beyond)

    def list_page(
        self,
        request: PageRequest,
        *,
        target_user: str | None,
        actor_id: str | None,
        action: str | None,
        since: datetime | None,
        until: datetime | None,
        about_or_by: str | None,
    ) -> Page[Row]:
        """List a page of entries.

        `action` may end with `*`. `about_or_by` restricts the list to entries about or by one user.
        """
        conditions: list[Mapping[str, Any]] = []
        if target_user is not None:
            conditions.append(_about(target_user))
        if actor_id is not None:
            conditions.append({"actor_id": {"$eq": actor_id}})
        if action is not None:
            conditions.append({"action": _match_action(action)})
        if bounds := {k: v for k, v in {"$gte": since, "$lt": until}.items() if v is not None}:
            conditions.append({"at": bounds})
        if about_or_by is not None:
            by = {"actor_id": {"$eq": about_or_by}}
            conditions.append({"$or": [_about(about_or_by), by]})
        return self._list(request, {"$and": conditions} if conditions else {})

    def list_history(self, request: PageRequest, user_id: str) -> Page[Row]:
        """List the entries that created a version of the user."""
        return self._list(request, {**_about(user_id), **HAS_VERSION})

    def _list(self, request: PageRequest, query: Mapping[str, Any]) -> Page[Row]:
        with translate_driver_errors():
            return Pager(self._collection).list_page(request, query)

    @property
    def _collection(self) -> Any:
        return AuditEntry._get_collection()


def _about(user_id: str) -> dict[str, Any]:
    return {"target_type": "user", "target_id": {"$eq": user_id}}


def _match_action(action: str) -> dict[str, str]:
    if not action.endswith("*"):
        return {"$eq": action}
    return {"$gte": action[:-1], "$lt": action[:-1] + "\U0010ffff"}


def _with_origin(user_id: str) -> list[dict[str, Any]]:
    """Build the queries for entries that show where the user acted from, signed in or not."""
    has_origin = {"$or": [{field: {"$exists": True}} for field in ORIGIN_FIELDS]}
    signed_out = {"target_type": "user", "target_id": user_id, "actor_type": "anonymous"}
    return [{"actor_id": user_id, **has_origin}, {**signed_out, **has_origin}]


def _redact_change(field: str) -> dict[str, Any]:
    """Keep the fact that the field changed, without its values. Do not add a missing field."""
    is_missing = {"$eq": [{"$type": field}, "missing"]}
    return {"$cond": [is_missing, "$$REMOVE", {"before": None, "after": None}]}


entries = AuditDAO()
