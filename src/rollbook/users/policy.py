"""The rules about users: pure, so that a test is a table."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from rollbook.access.principal import Principal
from rollbook.kit.errors import Unauthenticated
from rollbook.users import references
from rollbook.users.errors import UserNotFound
from rollbook.users.references import Reference
from rollbook.users.schemas import UserPatch

SETTABLE = tuple(name for name, field in UserPatch.model_fields.items() if field.annotation is not SecretStr)
"""The fields that are stored as they are sent: all but secrets."""
RECORDED = (*SETTABLE, "role")
"""The fields whose values the record keeps."""


def meant_by(ref: str, actor: Principal) -> Reference:
    """Raises: UserNotFound for what can be nobody's reference; Unauthenticated for `me` from nobody."""
    if ref == references.ME:
        if actor.user_id is None:
            raise Unauthenticated("Sign in first: `me` is the user who calls.")
        ref = actor.user_id
    reference = references.parse(ref)
    if reference is None:
        raise UserNotFound()
    return reference


def stored(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored for the fields that were `sent`: themselves, and the keys that stand for them in indexes."""
    fields = {name: sent[name] for name in SETTABLE if name in sent}
    if "name" in fields:
        fields["name_key"] = references.name_key(fields["name"])
    if "email" in fields:
        fields["email_key"] = references.email_key(fields["email"])
    if "username" in fields:
        username = fields["username"]
        fields["username_key"] = None if username is None else references.username_key(username)
    return fields


def differences(before: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the `wanted` fields that are not so already."""
    return {name: value for name, value in wanted.items() if getattr(before, name) != value}


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
