"""Errors about permissions of one's own."""

from rollbook.kit.errors import Conflict, Detail, NotFound


class PermissionNotFound(NotFound):
    """No permission of one's own has this name."""

    code, message = "permission_not_found", "There is no such permission of your own."


class PermissionTaken(Conflict):
    """Another permission has this name."""

    code, message = "permission_taken", "There is a permission with this name."
    details = (Detail("name", "taken", "There is a permission with this name."),)


class PermissionInUse(Conflict):
    """A role holds this permission."""

    code = "permission_in_use"
    message = "A role holds this permission. Take it from the role first."


class TooManyPermissions(Conflict):
    """There are 500 permissions of one's own already."""

    code, message = "too_many_permissions", "There are 500 permissions already. Delete some first."
