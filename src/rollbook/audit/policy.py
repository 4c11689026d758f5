"""Which parts of the audit log a caller may read."""

from collections.abc import Mapping
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import ActorKind, Principal

ORIGIN_FIELDS = ("ip", "user_agent", "request_id")


def redact_for(reader: Principal, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Remove what concerns other users, unless `reader` has `audit:read`.

    The removed values are where another user acted from, and what was changed of another user.
    """
    hidden: dict[str, Any] = {}
    if not reader.may(Permission.AUDIT_READ):
        if entry["actor_type"] == ActorKind.USER and entry.get("actor_id") != reader.user_id:
            hidden |= dict.fromkeys(ORIGIN_FIELDS)
        if (entry["target_type"], entry.get("target_id")) != ("user", reader.user_id):
            hidden["changes"] = {}
    return {**entry, **hidden}
