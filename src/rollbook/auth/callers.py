"""Find the caller of a request: session, user and role in a single round trip.

Each feature's DAO owns its part of the aggregation; this file joins them.
"""

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from rollbook.roles.dao import join_role
from rollbook.sessions.dao import sessions
from rollbook.users.dao import join_active_user


@dataclass(frozen=True)
class Caller:
    """The user's role, and its stored permissions. None means that there is no such role."""

    role: str
    permissions: list[str] | None


def find_caller(session_id: str, user_id: str, *, at: datetime) -> Caller | None:
    """Find the caller.

    None unless the session is the user's and has not expired, and the user is active.
    """
    stages = [
        *join_active_user(local_field="user_id"),
        *join_role(local_field="user.role"),
        {"$project": {"_id": 0, "user.role": 1, "role.permissions": 1}},
    ]
    row = sessions.find_joined(session_id, ObjectId(user_id), at=at, stages=stages)
    if row is None:
        return None
    (user,), roles = row["user"], row["role"]
    return Caller(user["role"], roles[0].get("permissions") if roles else None)
