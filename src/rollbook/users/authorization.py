"""Find a user and check what the caller may do to them; write the audit entries of users."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.listing import Row
from rollbook.roles.built_in import ADMIN
from rollbook.roles.service import RoleService
from rollbook.users import policy
from rollbook.users.dao import VISIBLE, users
from rollbook.users.documents import User
from rollbook.users.errors import LastAdmin, UserNotFound


def get_accessible_user(ref: str, permission: Permission, actor: Principal) -> User:
    """Return the caller's own user, or with `permission` any user.

    Raises: UserNotFound, Unauthenticated, Forbidden.
    """
    return users.to_document(get_accessible_row(ref, permission, actor, fields=None))


def get_accessible_row(
    ref: str,
    permission: Permission,
    actor: Principal,
    *,
    fields: Mapping[str, bool] | None = VISIBLE,
) -> Row:
    """Return the stored form of the user that `get_accessible_user` returns.

    `fields` is a MongoDB projection; by default, what a response may need.
    """
    reference = policy.resolve_reference(ref, actor, permission)
    if actor.may(permission):
        row = users.find_row(reference.field, reference.value, fields)
        if row is None:
            raise UserNotFound()
        return row
    own = users.find_row("_id", ObjectId(actor.user_id), fields) if actor.user_id else None
    return policy.require_own(own, reference, permission)


def require_authority_over(roles: RoleService, actor: Principal, user: User) -> None:
    """Refuse to act on a user who holds more permissions than `actor`. Raises: Forbidden."""
    held = frozenset[Permission]() if actor.is_admin else roles.get_permissions(user.role)
    policy.require_authority(actor, user, held)


def require_another_admin(roles: RoleService, leaving: ObjectId) -> None:
    """Require another active admin. Raises: LastAdmin.

    Two admins who demote each other at the same time both lock the role, so one of the two
    transactions runs again, and sees what the other did.
    """
    roles.lock_role(ADMIN)
    if not users.has_active_user(ADMIN, besides=leaving):
        raise LastAdmin()


def audit_user_change(
    action: str, user: User, changes: dict[str, Any], actor: Principal, at: datetime
) -> None:
    """Append an audit entry. Call it inside the transaction of the change."""
    target = Target("user", str(user.pk), user.version)
    append_entry(action, target, actor=actor, at=at, changes=changes)
