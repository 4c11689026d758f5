"""The roles that every rollbook has."""

from collections.abc import Iterable

from rollbook.access.permissions import EVERYTHING, Permission

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


def permissions_of(name: str, stored: Iterable[str] | None) -> frozenset[Permission]:
    """What a role allows. An admin may do everything, also what a newer rollbook adds; a missing role allows nothing.

    A stored permission that this version does not know, such as one of a newer version, is left out.
    """
    if name == ADMIN:
        return EVERYTHING
    return frozenset(Permission(each) for each in stored or () if each in EVERYTHING)
