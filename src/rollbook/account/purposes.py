"""What a one-time token is for, and which messages there are."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Purpose:
    """`name` is that of the token and of its message."""

    name: str
    lifetime: timedelta

    @property
    def hours(self) -> int:
        return int(self.lifetime.total_seconds() // 3600)


VERIFICATION = Purpose("verification", timedelta(hours=24))
PASSWORD_RESET = Purpose("password_reset", timedelta(hours=1))
PASSWORD_CHANGED = "password_changed"
"""A notice, without a link."""
KINDS = (VERIFICATION.name, PASSWORD_RESET.name, PASSWORD_CHANGED)
