"""The rules about users: pure functions, tested as tables.

A `require_*` function raises an error; an `is_*`, `may_*` or `needs_*` function returns a bool.
"""

from collections.abc import Mapping, Set
from typing import Any, Literal

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import Forbidden, Unauthenticated
from rollbook.kit.listing import Row
from rollbook.roles.built_in import ADMIN, USER
from rollbook.users import references
from rollbook.users.errors import UsernameReserved, UserNotFound
from rollbook.users.references import Reference
from rollbook.users.schemas import FIELD_RULES, Viewer
from rollbook.users.stored_fields import STORED_FIELDS

Registration = Literal["open", "closed"]
Verification = Literal["off", "optional", "required"]

AUDITED_FIELDS = (*STORED_FIELDS, "pending_email", "deleted_at")
"""The fields whose values the audit log keeps."""
PERSONAL_FIELDS = (
    *(name for name, rule in FIELD_RULES.items() if rule.personal),
    "pending_email",
)
"""A purge removes their values from the audit log."""
IDENTIFYING_FIELDS = tuple(name for name, rule in FIELD_RULES.items() if rule.identifying)
"""A password must not repeat their values."""
CREDENTIALS = {name for name, rule in FIELD_RULES.items() if rule.credential}
OWN_FIELDS = {name for name, rule in FIELD_RULES.items() if rule.by_owner}
REGISTRATION_DEFAULTS = {
    "role": USER,
    "is_active": True,
    "email_verified": False,
    "external_id": None,
    "app_metadata": {},
    "private_metadata": {},
}
"""What a user who registers gets."""
NOT_OWN_ACCOUNT = "This is not your own account. Other accounts need the permission {}."


def resolve_reference(ref: str, actor: Principal, permission: Permission) -> Reference:
    """Resolve a reference to a user.

    Without `permission`, the error is the same for every other account, existing or not.

    Raises: Unauthenticated for `me` from an anonymous caller; UserNotFound or Forbidden for what
    cannot be a reference.
    """
    if ref == references.ME:
        if actor.user_id is None:
            raise Unauthenticated("Sign in first: `me` is the user who calls.")
        ref = actor.user_id
    reference = references.parse_reference(ref)
    if reference is None:
        if actor.may(permission):
            raise UserNotFound()
        raise Forbidden(NOT_OWN_ACCOUNT.format(permission))
    return reference


def is_own(actor: Principal, user: Any) -> bool:
    return actor.user_id is not None and str(user.pk) == actor.user_id


def require_own(own: Row | None, reference: Reference, permission: Permission) -> Row:
    """Require that `reference` refers to `own`, the caller's user or None. Raises: Forbidden."""
    if own is None or own.get(reference.field) != reference.value:
        raise Forbidden(NOT_OWN_ACCOUNT.format(permission))
    return own


def require_may_create(actor: Principal, fields: Mapping[str, Any]) -> None:
    """Check that `actor` may create a user with these fields.

    Raises: Forbidden, for a role or a state that users who register do not get.
    """
    defaults = REGISTRATION_DEFAULTS.items()
    _require_permissions(actor, {name for name, default in defaults if fields[name] != default})
    if fields.get("id") is not None and not actor.may(Permission.USERS_IMPORT):
        raise Forbidden(f"Choosing an id needs the permission {Permission.USERS_IMPORT}.")


def require_username_allowed(actor: Principal, username: str | None, *, own: bool) -> None:
    """Refuse names such as `support`, unless `actor` may create or change other users.

    Raises: UsernameReserved.
    """
    permission = Permission.USERS_UPDATE if own else Permission.USERS_CREATE
    is_official = username is not None and references.is_official_username(username)
    if is_official and not actor.may(permission):
        raise UsernameReserved()


def require_may_list(actor: Principal, *, include_deleted: bool) -> None:
    """Check that `actor` may list these users. Raises: Forbidden."""
    if include_deleted and not actor.may(Permission.USERS_RESTORE):
        raise Forbidden(f"Listing deleted users needs the permission {Permission.USERS_RESTORE}.")


def require_may_filter(actor: Principal, parameters: Set[str]) -> None:
    """Check that `actor` may read what a list is filtered by. Raises: Forbidden."""
    is_private = any(name.startswith("private_metadata.") for name in parameters)
    if is_private and not actor.may(Permission.USERS_READ_PRIVATE):
        permission = Permission.USERS_READ_PRIVATE
        raise Forbidden(f"Filtering by private_metadata needs the permission {permission}.")


def require_may_purge(actor: Principal) -> None:
    """Check that `actor` may purge users. Raises: Forbidden."""
    if not actor.may(Permission.USERS_PURGE):
        raise Forbidden(f"Purging needs the permission {Permission.USERS_PURGE}.")


def require_may_purge_user(actor: Principal, user: Any) -> None:
    """Check that `actor` may purge this user. Raises: Forbidden.

    The purge deletes a user who is not deleted yet.
    """
    may_delete = is_own(actor, user) or actor.may(Permission.USERS_DELETE)
    if not user.is_deleted and not may_delete:
        permission = Permission.USERS_DELETE
        raise Forbidden(f"Purging a user who is not deleted needs the permission {permission} too.")


def may_see(actor: Principal, user_id: str) -> bool:
    """Return whether a response may show this user.

    Changing or deleting users does not include reading them. An anonymous caller, who registers,
    sees only what they sent.
    """
    return actor.may(Permission.USERS_READ) or actor.user_id in (None, user_id)


def get_viewer(actor: Principal) -> Viewer:
    return Viewer(may_read_private=actor.may(Permission.USERS_READ_PRIVATE))


def require_may_see(actor: Principal, user: Any) -> None:
    """Require that the caller may read this user. Raises: Forbidden."""
    if not may_see(actor, str(user.pk)):
        raise Forbidden(NOT_OWN_ACCOUNT.format(Permission.USERS_READ))


def require_authority(actor: Principal, user: Any, held: Set[str]) -> None:
    """Require every permission `held` by the user's role. Raises: Forbidden, if one is missing."""
    if is_own(actor, user):
        return
    if user.role == ADMIN and not actor.is_admin:
        raise Forbidden("Only an admin may do this to an admin.")
    if not held <= actor.permissions and not actor.may(Permission.USERS_OVERRULE):
        lacking = ", ".join(sorted(held - actor.permissions))
        raise Forbidden(
            f"This user holds permissions that you lack: {lacking}. "
            f"You need them, or {Permission.USERS_OVERRULE}."
        )


def require_may_change(actor: Principal, user: Any, fields: Set[str]) -> None:
    """Check that `actor` may change the fields with these names. Raises: Forbidden."""
    _require_permissions(actor, fields - OWN_FIELDS if is_own(actor, user) else fields)


def needs_current_password(actor: Principal, user: Any, fields: Set[str]) -> bool:
    return is_own(actor, user) and not CREDENTIALS.isdisjoint(fields)


def needs_confirmation(
    verification: Verification, actor: Principal, user: Any, wanted: Mapping[str, Any]
) -> bool:
    """Return whether the address that is wanted has to be confirmed before it is in force."""
    is_new = wanted.get("email_key") not in (None, user.email_key)
    is_vouched = wanted.get("email_verified") and actor.may(Permission.USERS_SET_CREDENTIALS)
    return is_new and verification != "off" and is_own(actor, user) and not is_vouched


def is_takeover(actor: Principal, user: Any, fields: Set[str]) -> bool:
    """Return whether `actor` could then sign in as the user.

    A new e-mail address or password of another user makes that possible.
    """
    return not is_own(actor, user) and not CREDENTIALS.isdisjoint(fields)


def removes_admin(user: Any, fields: Mapping[str, Any]) -> bool:
    """Return whether an active admin would stop being one."""
    is_admin = user.role == ADMIN and user.is_active
    stays_admin = fields.get("role", ADMIN) == ADMIN and fields.get("is_active", True)
    return is_admin and not stays_admin


def describe_changes(before: Any, after: Any) -> dict[str, dict[str, Any]]:
    """Describe for the audit log how two states of a user differ. Either may be None.

    A changed password is listed with null for both values.
    """
    values = {n: (_get_value(before, n), _get_value(after, n)) for n in AUDITED_FIELDS}
    changes = {n: {"before": old, "after": new} for n, (old, new) in values.items() if old != new}
    if before and after and before.password_hash != after.password_hash:
        changes["password"] = {"before": None, "after": None}
    return changes


def get_change_action(changes: Mapping[str, Any]) -> str:
    """Return the action for the audit log. A new password also ends a pending address."""
    is_password = "password" in changes and changes.keys() <= {"password", "pending_email"}
    return "user.password_changed" if is_password else "user.updated"


def _get_value(user: Any, name: str) -> Any:
    """Return a value for the audit log. Metadata without members is none."""
    value = getattr(user, name, None)
    return None if value == {} else value


def _require_permissions(actor: Principal, fields: Set[str]) -> None:
    for field in sorted(fields):
        permission = FIELD_RULES[field].permission
        if not actor.may(permission):
            raise Forbidden(f"Setting {field} needs the permission {permission}.")
