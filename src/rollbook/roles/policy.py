"""The rules about roles: pure, so that a test is a table."""

from collections.abc import Mapping, Set
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import Forbidden
from rollbook.roles import built_in
from rollbook.roles.errors import RoleBuiltIn

RECORDED = ("name", "description", "permissions")


def may_grant(actor: Principal, permissions: Set[Permission]) -> None:
    """Raises: Forbidden. Nobody gives, or takes into their hands, more than they hold."""
    lacking = sorted(permissions - actor.permissions)
    if lacking:
        raise Forbidden(f"You would need all the permissions that are at stake; you lack {', '.join(lacking)}.")


def may_change(name: str) -> None:
    """Raises: RoleBuiltIn. An admin may always do everything, or nobody could mend anything."""
    if name == built_in.ADMIN:
        raise RoleBuiltIn()


def may_delete(name: str) -> None:
    """Raises: RoleBuiltIn."""
    if name in built_in.PERMISSIONS:
        raise RoleBuiltIn()


def changes(before: Any, after: Any) -> Mapping[str, dict[str, Any]]:
    """For the record: what differs between two states of a role, either of which may be None."""
    values = {name: (getattr(before, name, None), getattr(after, name, None)) for name in RECORDED}
    return {name: {"before": old, "after": new} for name, (old, new) in values.items() if old != new}
