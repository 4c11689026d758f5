"""The permissions that a role can have."""

from enum import StrEnum


class Permission(StrEnum):
    USERS_CREATE = "users:create"
    USERS_LIST = "users:list"
    USERS_READ = "users:read"
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


EVERYTHING = frozenset(Permission)
