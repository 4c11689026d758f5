"""What this package adds to rollbook."""

from rollbook.tallies.documents import UserTally
from rollbook.web.features import Feature

TALLIES = Feature(documents=(UserTally,))
