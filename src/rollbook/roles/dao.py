"""The only file that queries roles."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from bson import ObjectId
from pymongo import ReturnDocument

from rollbook.kit.dao import BaseDAO
from rollbook.kit.transactions import current_session, reaching
from rollbook.locks.dao import locks, of_role
from rollbook.roles.documents import Role
from rollbook.roles.errors import RoleNotFound, RoleTaken


class RoleDAO(BaseDAO[Role]):
    document = Role
    missing = RoleNotFound
    taken: ClassVar = {"name": RoleTaken}
    unlisted = ("holds",)

    def change(self, id: ObjectId, *, version: int, at: datetime, fields: Mapping[str, Any]) -> Role:
        role = super().change(id, version=version, at=at, fields=fields)
        if "permissions" in fields:
            locks.take(of_role(role.name))
        return role

    def remove(self, id: ObjectId) -> Role:
        role = super().remove(id)
        locks.take(of_role(role.name))
        return role

    def get_named(self, name: str) -> Role:
        """Raises: RoleNotFound."""
        role = self.find("name", name)
        if role is None:
            raise RoleNotFound()
        return role

    def hold(self, name: str) -> Role | None:
        """Write to the role, so that of two transactions that rest on it, or on who has it, one has to run again."""
        with reaching():
            held = self._collection.find_one_and_update(
                {"name": name}, {"$inc": {"holds": 1}}, return_document=ReturnDocument.AFTER, session=current_session()
            )
        return None if held is None else self._document(held)

    def names(self) -> set[str]:
        with reaching():
            return set(self._collection.distinct("name", session=current_session()))


roles = RoleDAO()
