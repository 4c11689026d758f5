"""Which parts of the audit log a caller may read."""

from collections.abc import Mapping
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import ActorKind, Principal

ORIGIN_FIELDS = ("ip", "user_agent", "request_id")
PRIVATE_FIELDS = {"private_metadata": Permission.USERS_READ_PRIVATE}
"""Field of a change → the permission to read it."""


def redact_for(reader: Principal, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Remove what concerns other users, unless `reader` has `audit:read`; and private values.

    The removed values are where another user acted from, and what was changed of another user.
    """
    hidden: dict[str, Any] = {}
    if not reader.may(Permission.AUDIT_READ):
        if entry["actor_type"] == ActorKind.USER and entry.get("actor_id") != reader.user_id:
            hidden |= dict.fromkeys(ORIGIN_FIELDS)
        if (entry["target_type"], entry.get("target_id")) != ("user", reader.user_id):
            hidden["changes"] = {}
    secret = {name for name, permission in PRIVATE_FIELDS.items() if not reader.may(permission)}
    if not secret.isdisjoint(entry["changes"]) and "changes" not in hidden:
        changes = entry["changes"].items()
        hidden["changes"] = {name: change for name, change in changes if name not in secret}
    return {**entry, **hidden}
