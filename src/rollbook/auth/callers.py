"""Find the caller of a request: session, user and role, in memory or in a single round trip.

Each feature's DAO owns its part of the aggregation; this file joins them.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from bson import ObjectId

from rollbook.auth.caller_changes import CHANGES, SESSIONS, USERS
from rollbook.caching.dao import reading_after
from rollbook.caching.follower import Event, Follower
from rollbook.caching.leased_cache import LeasedCache
from rollbook.permissions.dao import own_permissions
from rollbook.roles.built_in import ADMIN, resolve_permissions
from rollbook.roles.dao import join_role
from rollbook.sessions.dao import sessions
from rollbook.users.dao import join_active_user


@dataclass(frozen=True, slots=True)
class Caller:
    """A user who has signed in, with the permissions and the limits of their role.

    `described_permissions`: those, and all of one's own for an admin.
    """

    user_id: str
    session_ends_at: datetime
    role: str
    permissions: frozenset[str]
    described_permissions: frozenset[str]
    limits: Mapping[str, str]


def find_caller(session_id: str, user_id: str, *, at: datetime) -> Caller | None:
    """Find the caller in MongoDB, with `described_permissions` like `permissions`.

    None unless the session is the user's and has not expired, and the user is active.
    """
    stages = [
        *join_active_user(local_field="user_id"),
        *join_role(local_field="user.role"),
        {"$project": {"expires_at": 1, "user.role": 1, "role.permissions": 1, "role.limits": 1}},
    ]
    row = sessions.find_joined(session_id, ObjectId(user_id), at=at, stages=stages)
    if row is None:
        return None
    (user,), roles = row["user"], row["role"]
    role = roles[0] if roles else {}
    permissions = _share_permissions(user["role"], tuple(role.get("permissions") or ()))
    limits = role.get("limits") or {}
    return Caller(user_id, row["expires_at"], user["role"], permissions, permissions, limits)


@lru_cache(maxsize=1000)
def _share_permissions(role: str, stored: tuple[str, ...]) -> frozenset[str]:
    """Resolve permissions. Callers with the same role share one set in memory."""
    return resolve_permissions(role, stored)


class Callers:
    """Finds callers, and remembers them while no change can pass unseen.

    Until `follow` is called, and whenever the lease of the cache has ended, every call reads.
    """

    def __init__(self, cache: LeasedCache[str, Caller] | None = None) -> None:
        self._cache = LeasedCache() if cache is None else cache

    def follow(self) -> None:
        """Keep callers in memory from now on. Call it after a fork."""
        Follower(self._cache, CHANGES, self.apply).start()

    def find(self, session_id: str, user_id: str, *, at: datetime) -> Caller | None:
        """Find the caller: see `find_caller`.

        A refresh extends a session unseen, so one that has ended in memory is read again.
        """
        known = self._cache.find(session_id)
        if known is None or known.session_ends_at <= at or known.user_id != user_id:
            return self._read(session_id, user_id, at)
        return known

    def apply(self, event: Event) -> None:
        """Forget the callers that a change concerns."""
        collection, key = event.get("ns", {}).get("coll"), event.get("documentKey")
        if key and collection == SESSIONS:
            self._cache.drop(key["_id"])
        elif key and collection == USERS:
            user_id = str(key["_id"])
            self._cache.drop_where(lambda caller: caller.user_id == user_id)
        else:
            self._cache.clear()

    def _read(self, session_id: str, user_id: str, at: datetime) -> Caller | None:
        """Read the caller. What is stored must not be older than what has been dropped."""
        generation, position = self._cache.generation, self._cache.position
        with reading_after(position) if position else nullcontext():
            found = find_caller(session_id, user_id, at=at)
            if found is not None and found.role == ADMIN:
                described = found.permissions | own_permissions.list_names()
                found = replace(found, described_permissions=described)
        if found is not None:
            self._cache.store(session_id, found, generation=generation)
        return found
