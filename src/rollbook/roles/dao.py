"""The only file that queries roles."""

from typing import ClassVar

from pymongo import ReturnDocument

from rollbook.kit.dao import BaseDAO
from rollbook.kit.transactions import current_session, reaching
from rollbook.roles.documents import Role
from rollbook.roles.errors import RoleNotFound, RoleTaken


class RoleDAO(BaseDAO[Role]):
    document = Role
    missing = RoleNotFound
    taken: ClassVar = {"name": RoleTaken}
    unlisted = ("holds",)

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
