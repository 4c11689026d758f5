"""What this package adds to rollbook."""

from rollbook.users.documents import User
from rollbook.users.resources import register
from rollbook.web.features import Feature

USERS = Feature(documents=(User,), register=register)
