"""What this package adds to rollbook."""

from rollbook.passwords.resources import register
from rollbook.web.features import Feature

PASSWORDS = Feature(register=register)
