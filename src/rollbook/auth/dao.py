"""The one read that tells who holds a token: session, user and role, each by index."""

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from rollbook.kit.transactions import current_session, reaching
from rollbook.roles.documents import Role
from rollbook.sessions.documents import Session
from rollbook.users.documents import User


@dataclass(frozen=True)
class Caller:
    """As things are now: the role, and what it allows (None: no such role)."""

    role: str
    permissions: list[str] | None


class CallerDAO:
    def find(self, session_id: str, user_id: str, *, at: datetime) -> Caller | None:
        """None unless the session lives, is this user's, and the user is there and active."""
        users, roles = (document._get_collection_name() for document in (User, Role))
        pipeline = [
            {"$match": {"_id": session_id, "user_id": ObjectId(user_id), "expires_at": {"$gt": at}}},
            {"$lookup": {"from": users, "localField": "user_id", "foreignField": "_id", "as": "user"}},
            {"$match": {"user": {"$elemMatch": {"is_active": True, "is_deleted": False}}}},
            {"$lookup": {"from": roles, "localField": "user.role", "foreignField": "name", "as": "role"}},
            {"$project": {"_id": 0, "user.role": 1, "role.permissions": 1}},
        ]
        with reaching():
            found = list(Session._get_collection().aggregate(pipeline, session=current_session()))
        if not found:
            return None
        role = found[0]["role"]
        return Caller(found[0]["user"][0]["role"], role[0].get("permissions") if role else None)


callers = CallerDAO()
