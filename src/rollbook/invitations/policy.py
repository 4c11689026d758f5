"""The rules about invitations: pure functions, tested as tables."""

from collections.abc import Set

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import Forbidden
from rollbook.roles.built_in import ADMIN
from rollbook.roles.policy import require_grantable


def require_may_invite(actor: Principal, granted: Set[str]) -> None:
    """Require that `actor` may invite to a role that holds `granted`. Raises: Forbidden."""
    if not actor.may(Permission.USERS_SET_ROLE):
        raise Forbidden(f"Inviting to a role needs the permission {Permission.USERS_SET_ROLE}.")
    require_grantable(actor, granted)


def is_still_granted(inviter_role: str, held: Set[str], granted: Set[str] | None) -> bool:
    """Return whether an inviter with this role, who holds `held`, could invite today.

    `granted`: what the role of the invitation holds; None for the role `user`.
    """
    if inviter_role == ADMIN:
        return True
    extra = set[str]() if granted is None else {Permission.USERS_SET_ROLE, *granted}
    return {Permission.USERS_INVITE, *extra} <= held
