"""What this package adds to rollbook."""

from rollbook.auth.resources import register
from rollbook.web.features import Feature

AUTH = Feature(register=register)
