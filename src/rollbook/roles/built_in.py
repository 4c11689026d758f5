"""The roles that every installation has."""

from collections.abc import Iterable

from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.permissions.schemas import is_reserved

USER, MODERATOR, ADMIN = "user", "moderator", "admin"

DESCRIPTIONS = {
    USER: "Reads and changes their own account.",
    MODERATOR: "Reads everyone; changes and signs out those who are not admins.",
    ADMIN: "May do everything.",
}
PERMISSIONS: dict[str, frozenset[Permission]] = {
    USER: frozenset(),
    MODERATOR: frozenset(
        {
            Permission.USERS_LIST,
            Permission.USERS_READ,
            Permission.USERS_UPDATE,
            Permission.SESSIONS_READ,
            Permission.SESSIONS_REVOKE,
            Permission.ROLES_READ,
        }
    ),
    ADMIN: EVERYTHING,
}


def resolve_permissions(name: str, stored: Iterable[str] | None) -> frozenset[str]:
    """Resolve the permissions of a role: rollbook's, and those of one's own.

    An admin has all of rollbook's, also those that a newer version adds. One of rollbook's that
    this version does not know is ignored. A missing role has none.
    """
    if name == ADMIN:
        return EVERYTHING
    return frozenset(each for each in stored or () if each in EVERYTHING or not is_reserved(each))
