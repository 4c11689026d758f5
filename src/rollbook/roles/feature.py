"""What this package adds to rollbook."""

from rollbook.roles.documents import Role
from rollbook.roles.resources import register
from rollbook.web.features import Feature

ROLES = Feature(documents=(Role,), register=register)
