"""What this package adds to rollbook."""

from rollbook.leases.documents import Lease
from rollbook.web.features import Feature

LEASES = Feature(documents=(Lease,))
