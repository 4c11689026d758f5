"""The catalogue: what a caller may be allowed to do, one line each."""

from enum import StrEnum


class Permission(StrEnum):
    USERS_CREATE = "users:create"
    USERS_LIST = "users:list"
    USERS_READ = "users:read"
    USERS_UPDATE = "users:update"
    USERS_DELETE = "users:delete"


EVERYTHING = frozenset(Permission)
