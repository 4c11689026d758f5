"""What this package adds to rollbook."""

from rollbook.metadata.resources import register
from rollbook.web.features import Feature

METADATA = Feature(register=register)
