"""What this package adds to rollbook."""

from rollbook.one_time_tokens.documents import OneTimeToken
from rollbook.web.features import Feature

ONE_TIME_TOKENS = Feature(documents=(OneTimeToken,))
