"""What this package adds to rollbook."""

from rollbook.permissions.documents import OwnPermission
from rollbook.permissions.resources import register
from rollbook.web.features import Feature

PERMISSIONS = Feature(documents=(OwnPermission,), register=register)
