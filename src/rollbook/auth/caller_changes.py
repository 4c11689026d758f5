"""Which changes in MongoDB concern callers in memory, as filters of change events.

They match the changes themselves, not what made them: a session that an operator deletes in a shell
of MongoDB ends at once too.
"""

from typing import Any

from rollbook.permissions.documents import OwnPermission
from rollbook.roles.documents import Role
from rollbook.sessions.documents import Session
from rollbook.users.documents import User

SESSIONS = Session._get_collection_name()
USERS = User._get_collection_name()
ROLES = Role._get_collection_name()
PERMISSIONS = OwnPermission._get_collection_name()

REPLACED = {"$in": ["delete", "replace"]}
UPDATED = "updateDescription.updatedFields"
ACCESS_FIELDS = ("role", "is_active", "is_deleted")
LOCKED = f"{UPDATED}.holds"
"""A role, or a permission, is locked by an update of this field, which changes no right."""

CHANGES: list[dict[str, Any]] = [
    {"ns.coll": SESSIONS, "operationType": REPLACED},
    {"ns.coll": USERS, "operationType": REPLACED},
    {"ns.coll": USERS, "$or": [{f"{UPDATED}.{name}": {"$exists": True}} for name in ACCESS_FIELDS]},
    {"ns.coll": {"$in": [ROLES, PERMISSIONS]}, LOCKED: {"$exists": False}},
    {"operationType": {"$in": ["drop", "rename", "dropDatabase"]}},
]
