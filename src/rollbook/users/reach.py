"""Getting hold of a user, as the policy allows, and putting on record what was done."""

from datetime import datetime
from typing import Any

from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.audit.service import Target, record
from rollbook.roles.built_in import ADMIN
from rollbook.roles.service import RoleService
from rollbook.users import policy
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import LastAdmin


def reached(ref: str, permission: Permission, actor: Principal) -> User:
    """Oneself, or with `permission` anyone. Raises: UserNotFound, Unauthenticated, Forbidden."""
    reference = policy.meant_by(ref, actor, permission)
    if actor.may(permission):
        return users.get_by(reference)
    own = users.find("_id", ObjectId(actor.user_id)) if actor.user_id else None
    policy.may_reach(own, reference, permission)
    return own  # type: ignore[return-value] # may_reach lets no None pass


def require_power(roles: RoleService, actor: Principal, user: User) -> None:
    """Nobody acts on someone who may do more than they may. Raises: Forbidden."""
    held = frozenset[Permission]() if actor.is_admin else roles.permissions_of(user.role)
    policy.may_act_on(actor, user, held)


def keep_an_admin(roles: RoleService, leaving: ObjectId) -> None:
    """Two admins who demote each other at one instant both hold the role, so one of them has to look again.

    Raises: LastAdmin.
    """
    roles.hold(ADMIN)
    if not users.is_active_with(ADMIN, besides=leaving):
        raise LastAdmin()


def put_on_record(action: str, user: User, changes: dict[str, Any], actor: Principal, at: datetime) -> None:
    record(action, Target("user", str(user.pk), user.version), actor=actor, at=at, changes=changes)
