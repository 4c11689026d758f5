"""The permissions that a role can have."""

from enum import StrEnum


class Permission(StrEnum):
    USERS_CREATE = "users:create"
    USERS_INVITE = "users:invite"
    USERS_IMPORT = "users:import"
    USERS_LIST = "users:list"
    USERS_READ = "users:read"
    USERS_READ_PRIVATE = "users:read_private"
    USERS_UPDATE = "users:update"
    USERS_DELETE = "users:delete"
    USERS_RESTORE = "users:restore"
    USERS_PURGE = "users:purge"
    USERS_SET_CREDENTIALS = "users:set_credentials"
    USERS_SET_ROLE = "users:set_role"
    USERS_OVERRULE = "users:overrule"
    SESSIONS_READ = "sessions:read"
    SESSIONS_REVOKE = "sessions:revoke"
    ROLES_READ = "roles:read"
    ROLES_WRITE = "roles:write"
    AUDIT_READ = "audit:read"
    LIMITS_EXEMPT = "limits:exempt"


EVERYTHING = frozenset(Permission)
RESERVED_NAMESPACES = frozenset(
    {
        *(name.partition(":")[0] for name in Permission),
        *("auth", "invitations", "keys", "mail", "permissions", "rollbook", "settings", "tokens"),
    }
)
"""What comes before the colon of rollbook's own permissions, now or in a later version."""
