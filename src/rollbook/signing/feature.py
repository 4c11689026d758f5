"""What this package adds to rollbook."""

from rollbook.signing.documents import SigningKey
from rollbook.web.features import Feature

SIGNING = Feature(documents=(SigningKey,))
