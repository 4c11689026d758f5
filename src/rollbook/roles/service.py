"""Create, read, change and delete roles."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rollbook.access.permissions import EVERYTHING
from rollbook.access.principal import SYSTEM, Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.kit.preconditions import ANY, Expected
from rollbook.permissions.dao import own_permissions
from rollbook.roles import built_in, policy
from rollbook.roles.dao import roles
from rollbook.roles.documents import Role
from rollbook.roles.errors import RoleInUse, RoleTaken, UnknownRole
from rollbook.roles.schemas import RoleCreate, RolePut
from rollbook.storage.transactions import transactional


@dataclass(frozen=True)
class RoleService:
    """`is_used` returns whether a user has the role of that name. Users lie above this package."""

    clock: Clock
    is_used: Callable[[str], bool]

    def create_built_in_roles(self) -> None:
        """Create the built-in roles that are missing."""
        for name in built_in.PERMISSIONS.keys() - roles.list_names():
            fields = {
                "name": name,
                "description": built_in.DESCRIPTIONS[name],
                "permissions": sorted(built_in.PERMISSIONS[name]),
            }
            with suppress(RoleTaken):  # Another process was faster.
                self._insert(fields, actor=SYSTEM)

    def create_role(self, new: RoleCreate, *, actor: Principal) -> Row:
        """Create a role. Raises: Forbidden, RoleTaken."""
        fields = _build_fields(new)
        policy.require_grantable(actor, set(new.permissions))
        policy.require_may_limit(actor, {}, fields["limits"])
        return self._insert(fields, actor=actor)

    @transactional()
    def _insert(self, fields: Mapping[str, Any], *, actor: Principal) -> Row:
        now = self.clock()
        _hold_own_permissions(fields["permissions"])
        role = roles.insert(Role(**fields, created_at=now, updated_at=now))
        _audit("role.created", role, policy.describe_changes(None, role), actor, now)
        return _build_row(role)

    def read_role(self, name: str) -> Row:
        """Return the role with this name. Raises: RoleNotFound."""
        return _build_row(roles.get_by_name(name))

    def list_roles(self, request: PageRequest) -> Page[Row]:
        page = roles.list_page(request)
        return replace(page, items=[_add_permissions(row) for row in page.items])

    @transactional()
    def put_role(
        self, name: str, put: RolePut, *, actor: Principal, expected: Expected = ANY
    ) -> Row:
        """Change a role. Without a difference there is no new version and no audit entry.

        Raises: RoleNotFound, RoleBuiltIn, StaleVersion, Forbidden.
        """
        now = self.clock()
        role = roles.get_by_name(name)
        policy.require_changeable(name)
        expected.check(role.version)
        sent = _build_fields(put)
        fields = {field: value for field, value in sent.items() if getattr(role, field) != value}
        permissions = set(fields.get("permissions", role.permissions))
        policy.require_grantable(actor, permissions ^ set(role.permissions))
        _hold_own_permissions(fields.get("permissions", ()))
        policy.require_may_limit(actor, role.limits, fields.get("limits", role.limits))
        if not fields:
            return _build_row(role)
        changed = roles.update(role.pk, version=role.version, at=now, fields=fields)
        _audit("role.updated", changed, policy.describe_changes(role, changed), actor, now)
        return _build_row(changed)

    @transactional()
    def delete_role(self, name: str, *, actor: Principal, expected: Expected = ANY) -> Row:
        """Delete a role, and return it as it was.

        Raises: RoleNotFound, RoleBuiltIn, RoleInUse, StaleVersion, Forbidden.
        """
        now = self.clock()
        role = roles.get_by_name(name)
        policy.require_deletable(name)
        expected.check(role.version)
        policy.require_grantable(actor, _get_permissions(role))
        if self.is_used(name):
            raise RoleInUse()
        roles.delete(role.pk)
        _audit("role.deleted", role, policy.describe_changes(role, None), actor, now)
        return _build_row(role)

    def get_permissions(self, name: str) -> frozenset[str]:
        """Return the permissions of a role. A missing role has none."""
        role = roles.find("name", name)
        return _get_permissions(role) if role else frozenset()

    def describe_permissions(self, name: str) -> frozenset[str]:
        """Return the permissions of a role for other services. An admin holds all of one's own."""
        own = own_permissions.list_names() if name == built_in.ADMIN else frozenset[str]()
        return self.get_permissions(name) | own

    def lock_role(self, name: str) -> frozenset[str]:
        """Lock a role, and return its permissions, for an admin also those of one's own.

        Nobody deletes or locks the role until the transaction ends.

        Raises: UnknownRole.
        """
        role = roles.lock(name)
        if role is None:
            raise UnknownRole()
        own = own_permissions.list_names() if name == built_in.ADMIN else frozenset[str]()
        return _get_permissions(role) | own


def _hold_own_permissions(names: Iterable[str]) -> None:
    """Require that those of one's own exist, until the transaction ends.

    Raises: ValidationFailed.
    """
    own = [name for name in names if name not in EVERYTHING]
    missing = set(own) - own_permissions.hold(own)
    if missing:
        message = f"{', '.join(sorted(missing))}: create this permission first."
        raise ValidationFailed(details=[Detail("permissions", "not_one_of", message)])


def _build_fields(sent: RoleCreate | RolePut) -> dict[str, Any]:
    """Build the stored fields from those that were sent. A limit that is null is not stored."""
    fields = sent.model_dump(exclude_unset=isinstance(sent, RolePut))
    if "limits" in fields:
        fields["limits"] = sent.limits.model_dump(exclude_none=True)
    return fields


def _get_permissions(role: Role) -> frozenset[str]:
    return built_in.resolve_permissions(role.name, role.permissions)


def _build_row(role: Role) -> Row:
    return _add_permissions({**role.to_mongo(), "_id": role.pk})


def _add_permissions(row: Row) -> Row:
    """Add the permissions and limits that count now, and whether the role is built in."""
    permissions = built_in.resolve_permissions(row["name"], row.get("permissions"))
    is_built_in = row["name"] in built_in.PERMISSIONS
    limits = row.get("limits") or {}
    return {**row, "permissions": sorted(permissions), "limits": limits, "built_in": is_built_in}


def _audit(
    action: str, role: Role, changes: Mapping[str, Any], actor: Principal, at: datetime
) -> None:
    target = Target("role", role.name, role.version)
    append_entry(action, target, actor=actor, at=at, changes=changes)
