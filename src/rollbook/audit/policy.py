"""The rules about who is told what of the record: pure, so that a test is a table."""

from collections.abc import Mapping
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import ActorKind, Principal

OF_THE_ACTOR = ("ip", "user_agent", "request_id")


def told_to(reader: Principal, entry: Mapping[str, Any]) -> dict[str, Any]:
    """All of it with `audit:read`; else what is the reader's own.

    Where someone else acted, where they sat is theirs; where someone else was changed, so is what they were.
    """
    hidden: dict[str, Any] = {}
    if not reader.may(Permission.AUDIT_READ):
        if entry["actor_type"] == ActorKind.USER and entry.get("actor_id") != reader.user_id:
            hidden |= dict.fromkeys(OF_THE_ACTOR)
        if (entry["target_type"], entry.get("target_id")) != ("user", reader.user_id):
            hidden["changes"] = {}
    return {**entry, **hidden}
