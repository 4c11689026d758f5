"""The only file that queries roles."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.caching.barriers import raise_barrier
from rollbook.locks.dao import locks, role_lock
from rollbook.roles.documents import Role
from rollbook.roles.errors import RoleNotFound, RoleTaken
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors


class RoleDAO(BaseDAO[Role]):
    document = Role
    not_found = RoleNotFound
    unique_errors: ClassVar = {"name": RoleTaken}
    hidden_fields = ("holds",)

    def update(
        self, id: ObjectId, *, version: int, at: datetime, fields: Mapping[str, Any]
    ) -> Role:
        role = super().update(id, version=version, at=at, fields=fields)
        if "permissions" in fields:
            locks.acquire_exclusive(role_lock(role.name))
        if "limits" in fields:
            raise_barrier()
        return role

    def delete(self, id: ObjectId) -> Role:
        role = super().delete(id)
        locks.acquire_exclusive(role_lock(role.name))
        return role

    def get_by_name(self, name: str) -> Role:
        """Return the role with this name. Raises: RoleNotFound."""
        role = self.find("name", name)
        if role is None:
            raise RoleNotFound()
        return role

    def lock(self, name: str) -> Role | None:
        """Write to the role, so that transactions that depend on it, or on who has it, conflict."""
        with translate_driver_errors():
            locked = self._collection.find_one_and_update(
                {"name": name},
                {"$inc": {"holds": 1}},
                return_document=ReturnDocument.AFTER,
                session=current_client_session(),
            )
        return None if locked is None else self.to_document(locked)

    def is_held(self, permission: str) -> bool:
        """Return whether a role holds a permission."""
        with translate_driver_errors():
            query = {"permissions": permission}
            session = current_client_session()
            return self._collection.find_one(query, {"_id": True}, session=session) is not None

    def list_names(self) -> set[str]:
        with translate_driver_errors():
            return set(self._collection.distinct("name", session=current_client_session()))


def join_role(*, local_field: str) -> list[dict[str, Any]]:
    """Build aggregation stages that join the role that `local_field` names.

    They set `role` to a list with the role and its permissions. The list is empty when there is no
    such role.
    """
    roles_collection = Role._get_collection_name()
    lookup = {"from": roles_collection, "localField": local_field, "foreignField": "name"}
    return [{"$lookup": {**lookup, "as": "role"}}]


roles = RoleDAO()
