"""Errors about roles."""

from rollbook.kit.errors import Conflict, Detail, NotFound, ValidationFailed


class RoleNotFound(NotFound):
    """No role has this name."""

    code, message = "role_not_found", "There is no such role."


class UnknownRole(ValidationFailed):
    """The role to give to a user does not exist."""

    code, message = "unknown_role", "There is no such role. GET /roles lists them."
    details = (Detail("role", "unknown_role", "There is no such role."),)


class RoleTaken(Conflict):
    """Another role has this name."""

    code, message = "role_taken", "Another role has this name."
    details = (Detail("name", "taken", "Another role has this name."),)


class RoleBuiltIn(Conflict):
    """The roles user, moderator and admin cannot be deleted, and admin cannot be changed."""

    code = "role_built_in"
    message = "A built-in role cannot be deleted, and the role admin cannot be changed."


class RoleInUse(Conflict):
    """Users have this role, or deleted users had it."""

    code = "role_in_use"
    message = "Users have this role, or deleted users had it. Change their role, or purge them."
