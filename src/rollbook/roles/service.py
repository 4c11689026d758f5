"""What can be done with roles."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import SYSTEM, Principal
from rollbook.audit.service import Target, record
from rollbook.kit.clock import Clock
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.preconditions import ANY, Expected
from rollbook.kit.transactions import in_transaction
from rollbook.roles import built_in, policy
from rollbook.roles.dao import roles
from rollbook.roles.documents import Role
from rollbook.roles.errors import RoleInUse, RoleTaken, UnknownRole
from rollbook.roles.schemas import RoleCreate, RolePut

View = Mapping[str, Any]
"""A role as it is told: what is stored, with what it means now."""


@dataclass(frozen=True)
class RoleService:
    """`in_use` tells whether a user has the role of that name; users live above."""

    clock: Clock
    in_use: Callable[[str], bool]

    def seed(self) -> None:
        """Store the built-in roles that are missing."""
        now = self.clock()
        for name in built_in.PERMISSIONS.keys() - roles.names():
            permissions = sorted(built_in.PERMISSIONS[name])
            described = {"name": name, "description": built_in.DESCRIPTIONS[name], "permissions": permissions}
            with suppress(RoleTaken):  # Another process was faster.
                self._insert(Role(**described, created_at=now, updated_at=now), SYSTEM, now)

    def create_role(self, new: RoleCreate, *, actor: Principal) -> View:
        """Raises: Forbidden, RoleTaken."""
        policy.may_grant(actor, set(new.permissions))
        now = self.clock()

        return self._insert(Role(**new.model_dump(), created_at=now, updated_at=now), actor, now)

    def _insert(self, new: Role, actor: Principal, now: datetime) -> View:
        def write() -> View:
            role = roles.insert(new)
            _record("role.created", role, policy.changes(None, role), actor, now)
            return _view(role)

        return in_transaction(write, actor=actor)

    def read_role(self, name: str) -> View:
        """Raises: RoleNotFound."""
        return _view(roles.get_named(name))

    def list_roles(self, asked: PageRequest) -> Page[View]:
        page = roles.page(asked)
        return replace(page, items=[_told(row) for row in page.items])

    def put_role(self, name: str, put: RolePut, *, actor: Principal, expected: Expected = ANY) -> View:
        """Without a difference, no new version and no entry.

        Raises: RoleNotFound, RoleBuiltIn, StaleVersion, Forbidden.
        """

        def write() -> View:
            now = self.clock()
            role = roles.get_named(name)
            policy.may_change(name)
            expected.check(role.version)
            sent = put.model_dump(exclude_unset=True)
            fields = {field: value for field, value in sent.items() if getattr(role, field) != value}
            policy.may_grant(actor, set(fields.get("permissions", role.permissions)) ^ set(role.permissions))
            if not fields:
                return _view(role)
            changed = roles.change(role.pk, version=role.version, at=now, fields=fields)
            _record("role.updated", changed, policy.changes(role, changed), actor, now)
            return _view(changed)

        return in_transaction(write, actor=actor)

    def delete_role(self, name: str, *, actor: Principal, expected: Expected = ANY) -> View:
        """The role as it was. Raises: RoleNotFound, RoleBuiltIn, RoleInUse, StaleVersion, Forbidden."""

        def write() -> View:
            now = self.clock()
            role = roles.get_named(name)
            policy.may_delete(name)
            expected.check(role.version)
            policy.may_grant(actor, permissions_of(role))
            if self.in_use(name):
                raise RoleInUse()
            roles.remove(role.pk)
            _record("role.deleted", role, policy.changes(role, None), actor, now)
            return _view(role)

        return in_transaction(write, actor=actor)

    def permissions_of(self, name: str) -> frozenset[Permission]:
        """What the role of that name allows; nothing, when there is none."""
        role = roles.find("name", name)
        return permissions_of(role) if role else frozenset()

    def hold(self, name: str) -> frozenset[Permission]:
        """What it allows, and nobody deletes or holds it until this transaction ends. Raises: UnknownRole."""
        role = roles.hold(name)
        if role is None:
            raise UnknownRole()
        return permissions_of(role)


def permissions_of(role: Role) -> frozenset[Permission]:
    return built_in.permissions_of(role.name, role.permissions)


def _view(role: Role) -> View:
    return _told({**role.to_mongo(), "_id": role.pk})


def _told(row: View) -> View:
    now = built_in.permissions_of(row["name"], row.get("permissions"))
    return {**row, "permissions": sorted(now), "built_in": row["name"] in built_in.PERMISSIONS}


def _record(action: str, role: Role, changes: Mapping[str, Any], actor: Principal, at: datetime) -> None:
    record(action, Target("role", role.name, role.version), actor=actor, at=at, changes=changes)
