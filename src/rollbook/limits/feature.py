"""What this package adds to rollbook."""

from rollbook.limits.documents import LimitCounter
from rollbook.web.features import Feature

LIMITS = Feature(documents=(LimitCounter,))
