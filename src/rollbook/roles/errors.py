"""What can go wrong with roles."""

from rollbook.kit.errors import Conflict, Detail, NotFound, ValidationFailed


class RoleNotFound(NotFound):
    code, message = "role_not_found", "There is no such role."


class UnknownRole(ValidationFailed):
    code, message = "unknown_role", "There is no such role; GET /roles lists those there are."
    details = (Detail("role", "unknown_role", "There is no such role."),)


class RoleTaken(Conflict):
    code, message = "role_taken", "Another role has this name."
    details = (Detail("name", "taken", "Another role has this name."),)


class RoleBuiltIn(Conflict):
    code, message = "role_built_in", "This role belongs to rollbook: none can be deleted, and admin cannot be changed."


class RoleInUse(Conflict):
    code, message = (
        "role_in_use",
        "Users have this role, or deleted ones had it; give them another, or purge them, first.",
    )
