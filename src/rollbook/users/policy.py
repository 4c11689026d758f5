"""The rules about users: pure, so that a test is a table."""

from collections.abc import Mapping, Set
from typing import Any, Literal

from pydantic import SecretStr

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.errors import Forbidden, Unauthenticated
from rollbook.roles.built_in import ADMIN, USER
from rollbook.users import references
from rollbook.users.errors import NoAdminYet, RegistrationClosed, UsernameReserved, UserNotFound
from rollbook.users.references import Reference
from rollbook.users.schemas import UserPatch

Registration = Literal["open", "closed"]

SETTABLE = tuple(name for name, field in UserPatch.model_fields.items() if field.annotation is not SecretStr)
"""The fields that are stored as they are sent: all but secrets."""
RECORDED = (*SETTABLE, "deleted_at")
"""The fields whose values the record keeps."""
PERSONAL = ("name", "email", "username", "first_name", "last_name", "phone")
"""Of those, what tells who someone is: a purge takes it out of the record."""
CREDENTIALS = frozenset({"email", "password"})
OWN = frozenset({"name", "first_name", "last_name", "username", "phone"}) | CREDENTIALS
"""What one may change of oneself."""
NEEDED = {
    "email": Permission.USERS_SET_CREDENTIALS,
    "password": Permission.USERS_SET_CREDENTIALS,
    "role": Permission.USERS_SET_ROLE,
}
"""What it needs to change a field of someone else; for all the others `users:update`."""
ORDINARY = {"role": USER, "is_active": True}
"""What whoever registers gets."""
NOT_YOURS = "This is not your own account; to reach others needs the permission {}."


def meant_by(ref: str, actor: Principal, permission: Permission) -> Reference:
    """Raises: Unauthenticated for `me` from nobody; for what can be nobody's reference UserNotFound, or Forbidden.

    Who lacks `permission` is told the same of every other account, whether it exists or not.
    """
    if ref == references.ME:
        if actor.user_id is None:
            raise Unauthenticated("Sign in first: `me` is the user who calls.")
        ref = actor.user_id
    reference = references.parse(ref)
    if reference is None:
        raise UserNotFound() if actor.may(permission) else Forbidden(NOT_YOURS.format(permission))
    return reference


def is_own(actor: Principal, user: Any) -> bool:
    return actor.user_id is not None and str(user.pk) == actor.user_id


def may_reach(own: Any, reference: Reference, permission: Permission) -> None:
    """`own`: the caller's user, None when nobody's. Raises: Forbidden, unless `reference` means that one."""
    meant = own is not None and (own.pk if reference.field == "_id" else getattr(own, reference.field))
    if own is None or meant != reference.value:
        raise Forbidden(NOT_YOURS.format(permission))


def registers(actor: Principal) -> bool:
    """Whether a user whom `actor` makes makes themselves: nobody has vouched for them."""
    return not actor.may(Permission.USERS_CREATE)


def may_register(registration: Registration, *, has_admin: bool) -> None:
    """Before there is an admin, whoever registers first could take the address of the one to come.

    Raises: RegistrationClosed, NoAdminYet.
    """
    if registration == "closed":
        raise RegistrationClosed()
    if not has_admin:
        raise NoAdminYet()


def may_create(actor: Principal, fields: Mapping[str, Any]) -> None:
    """Raises: Forbidden, for what a new user has beyond the ordinary."""
    _need(actor, {name for name, ordinary in ORDINARY.items() if fields[name] != ordinary})


def may_take_username(actor: Principal, username: str | None, *, own: bool) -> None:
    """Whoever may create or change others may hand out names such as `support`. Raises: UsernameReserved."""
    needed = Permission.USERS_UPDATE if own else Permission.USERS_CREATE
    if username is not None and references.is_official(username) and not actor.may(needed):
        raise UsernameReserved()


def may_list(actor: Principal, *, include_deleted: bool) -> None:
    """Raises: Forbidden."""
    if include_deleted and not actor.may(Permission.USERS_RESTORE):
        raise Forbidden(f"To list deleted users needs the permission {Permission.USERS_RESTORE}.")


def may_purge(actor: Principal) -> None:
    """Raises: Forbidden."""
    if not actor.may(Permission.USERS_PURGE):
        raise Forbidden(f"To delete for good needs the permission {Permission.USERS_PURGE}.")


def may_purge_user(actor: Principal, user: Any) -> None:
    """Who is not deleted yet is deleted with it. Raises: Forbidden."""
    if not user.is_deleted and not is_own(actor, user) and not actor.may(Permission.USERS_DELETE):
        raise Forbidden(f"To delete for good who is not deleted needs the permission {Permission.USERS_DELETE} too.")


def may_see(actor: Principal, user_id: str) -> bool:
    """Whether an answer may show this user; to change, delete or restore someone is no right to read them.

    Nobody in particular is shown only what they sent, when they register.
    """
    return actor.may(Permission.USERS_READ) or actor.user_id in (None, user_id)


def may_act_on(actor: Principal, user: Any, held: Set[Permission]) -> None:
    """To change, delete, restore or sign someone out, whose role allows what is `held`. Raises: Forbidden."""
    if is_own(actor, user):
        return
    if user.role == ADMIN and not actor.is_admin:
        raise Forbidden("Only an admin may do this to an admin.")
    if not held <= actor.permissions and not actor.may(Permission.USERS_OVERRULE):
        lacking = ", ".join(sorted(held - actor.permissions))
        needed = f"all permissions of that user, or {Permission.USERS_OVERRULE}"
        raise Forbidden(f"To do this to someone needs {needed}; you lack {lacking}.")


def may_change(actor: Principal, user: Any, fields: Set[str]) -> None:
    """`fields`: the names of those that would change. Raises: Forbidden."""
    _need(actor, fields - OWN if is_own(actor, user) else fields)


def needs_current_password(actor: Principal, user: Any, fields: Set[str]) -> bool:
    return is_own(actor, user) and not CREDENTIALS.isdisjoint(fields)


def takes_over(actor: Principal, user: Any, fields: Set[str]) -> bool:
    """Whoever sets another's address or password can be that user."""
    return not is_own(actor, user) and not CREDENTIALS.isdisjoint(fields)


def ends_admin(user: Any, fields: Mapping[str, Any]) -> bool:
    """Would an active admin be one no more?"""
    was = user.role == ADMIN and user.is_active
    return was and not (fields.get("role", ADMIN) == ADMIN and fields.get("is_active", True))


def stored(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored for the fields that were `sent`: themselves, and the keys that stand for them in indexes."""
    fields = {name: sent[name] for name in SETTABLE if name in sent}
    if "name" in fields:
        fields["name_key"] = references.name_key(fields["name"])
    if "email" in fields:
        fields["email_key"] = references.email_key(fields["email"])
        fields["email_skeleton"] = references.email_skeleton(fields["email"])
    if "username" in fields:
        username = fields["username"]
        fields["username_key"] = None if username is None else references.username_key(username)
    return fields


def differences(before: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the `wanted` fields that are not so already."""
    return {name: value for name, value in wanted.items() if getattr(before, name) != value}


def named(fields: Set[str]) -> set[str]:
    """Stored fields by the names that a caller knows them by."""
    public = {"password_hash": "password", "email_skeleton": "email"}
    return {public.get(name, name.removesuffix("_key")) for name in fields}


def changes(before: Any, after: Any) -> dict[str, dict[str, Any]]:
    """For the record: what differs between two states of a user, either of which may be None. Never a secret.

    That the password changed is recorded, with both values null.
    """
    values = {name: (getattr(before, name, None), getattr(after, name, None)) for name in RECORDED}
    told = {name: {"before": old, "after": new} for name, (old, new) in values.items() if old != new}
    if before and after and before.password_hash != after.password_hash:
        told["password"] = {"before": None, "after": None}
    return told


def action_of(told: Mapping[str, Any]) -> str:
    """What the record calls a change of these fields."""
    return "user.password_changed" if set(told) == {"password"} else "user.updated"


def _need(actor: Principal, fields: Set[str]) -> None:
    for field in sorted(fields):
        needed = NEEDED.get(field, Permission.USERS_UPDATE)
        if not actor.may(needed):
            raise Forbidden(f"To set {field} needs the permission {needed}.")
