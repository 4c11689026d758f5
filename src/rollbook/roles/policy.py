"""The rules about roles: pure functions, tested as tables."""

from collections.abc import Mapping, Set
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import Forbidden
from rollbook.roles import built_in
from rollbook.roles.errors import RoleBuiltIn

AUDITED_FIELDS = ("name", "description", "permissions", "limits")


def require_grantable(actor: Principal, permissions: Set[str]) -> None:
    """Refuse to grant, or take over, more permissions than `actor` holds. Raises: Forbidden.

    An admin holds those of one's own too.
    """
    if actor.is_admin:
        return
    lacking = sorted(permissions - actor.permissions)
    if lacking:
        raise Forbidden(f"This needs permissions that you lack: {', '.join(lacking)}.")


def require_may_limit(
    actor: Principal, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Refuse to change the limits of a role without `limits:exempt`. Raises: Forbidden."""
    if before != after and not actor.may(Permission.LIMITS_EXEMPT):
        raise Forbidden(f"The limits of a role need the permission {Permission.LIMITS_EXEMPT}.")


def require_changeable(name: str) -> None:
    """Refuse to change the role admin. Raises: RoleBuiltIn.

    An admin keeps all permissions. Otherwise nobody could repair a mistake.
    """
    if name == built_in.ADMIN:
        raise RoleBuiltIn()


def require_deletable(name: str) -> None:
    """Refuse to delete a built-in role. Raises: RoleBuiltIn."""
    if name in built_in.PERMISSIONS:
        raise RoleBuiltIn()


def describe_changes(before: Any, after: Any) -> Mapping[str, dict[str, Any]]:
    """Describe for the audit log how two states of a role differ. Either may be None.

    An empty value is the same as none.
    """
    values = {n: (getattr(before, n, None), getattr(after, n, None)) for n in AUDITED_FIELDS}
    differing = {n: pair for n, pair in values.items() if pair[0] != pair[1] and any(pair)}
    return {n: {"before": old, "after": new} for n, (old, new) in differing.items()}
