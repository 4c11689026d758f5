"""Create, list and delete permissions of one's own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.permissions.dao import own_permissions
from rollbook.permissions.documents import OwnPermission
from rollbook.permissions.errors import PermissionInUse, PermissionNotFound, TooManyPermissions
from rollbook.permissions.schemas import PermissionCreate
from rollbook.storage.transactions import transactional

MAX_PERMISSIONS = 500


@dataclass(frozen=True)
class PermissionService:
    """`is_held` returns whether a role holds a permission. Roles lie above this package."""

    clock: Clock
    is_held: Callable[[str], bool]

    @transactional()
    def create_permission(self, new: PermissionCreate, *, actor: Principal) -> OwnPermission:
        """Create a permission. Raises: PermissionTaken, TooManyPermissions."""
        if own_permissions.count() >= MAX_PERMISSIONS:
            raise TooManyPermissions()
        now = self.clock()
        created = own_permissions.insert(OwnPermission(**new.model_dump(), created_at=now))
        changes = {"description": {"before": None, "after": new.description}}
        _audit("permission.created", new.name, changes, actor, now)
        return created

    def list_permissions(self, request: PageRequest) -> Page[Row]:
        return own_permissions.list_page(request)

    @transactional()
    def delete_permission(self, name: str, *, actor: Principal) -> None:
        """Delete a permission that no role holds. Raises: PermissionNotFound, PermissionInUse."""
        permission = own_permissions.find("name", name)
        if permission is None:
            raise PermissionNotFound()
        if self.is_held(name):
            raise PermissionInUse()
        own_permissions.delete(permission.pk)
        changes = {"description": {"before": permission.description, "after": None}}
        _audit("permission.deleted", name, changes, actor, self.clock())


def _audit(
    action: str, name: str, changes: Mapping[str, Any], actor: Principal, at: datetime
) -> None:
    append_entry(action, Target("permission", name), actor=actor, at=at, changes=changes)
