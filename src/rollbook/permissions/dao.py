"""The only file that queries permissions of one's own."""

from collections.abc import Collection
from typing import ClassVar

from bson import ObjectId

from rollbook.caching.barriers import raise_barrier
from rollbook.permissions.documents import OwnPermission
from rollbook.permissions.errors import PermissionNotFound, PermissionTaken
from rollbook.storage.dao import BaseDAO
from rollbook.storage.driver_errors import current_client_session, translate_driver_errors


class OwnPermissionDAO(BaseDAO[OwnPermission]):
    document = OwnPermission
    not_found = PermissionNotFound
    unique_errors: ClassVar = {"name": PermissionTaken}
    hidden_fields = ("holds",)

    def list_names(self) -> frozenset[str]:
        with translate_driver_errors():
            return frozenset(self._collection.distinct("name", session=current_client_session()))

    def insert(self, new: OwnPermission) -> OwnPermission:
        raise_barrier()
        return super().insert(new)

    def delete(self, id: ObjectId) -> OwnPermission:
        raise_barrier()
        return super().delete(id)

    def count(self) -> int:
        with translate_driver_errors():
            return int(self._collection.count_documents({}, session=current_client_session()))

    def hold(self, names: Collection[str]) -> frozenset[str]:
        """Write to these permissions, and return the names of those that exist.

        Nobody deletes them until the transaction ends.
        """
        if not names:
            return frozenset()
        wanted = {"name": {"$in": sorted(names)}}
        with translate_driver_errors():
            session = current_client_session()
            self._collection.update_many(wanted, {"$inc": {"holds": 1}}, session=session)
            found = self._collection.find(wanted, {"name": True}, session=session)
            return frozenset(row["name"] for row in found)


own_permissions = OwnPermissionDAO()
