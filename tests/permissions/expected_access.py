"""Who may do what with permissions of one's own."""

from tests.access.expected import ADMINS, MODERATORS, Cells

OPERATIONS: dict[str, Cells] = {
    "create_permission": {None: ADMINS},
    "list_permissions": {None: MODERATORS},
    "delete_permission": {None: ADMINS},
}
