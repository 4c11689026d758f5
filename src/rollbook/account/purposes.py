"""What a one-time token is for, and which messages there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rollbook.users.registration import ADDRESS_TAKEN

SAMPLE = "https://users.example.com/account/sample?token=sample"


@dataclass(frozen=True)
class Purpose:
    """`name` is that of the token and of its message."""

    name: str
    lifetime: timedelta

    def describe(self, link: str) -> dict[str, Any]:
        """Return the variables of a template: the link, and how long it is valid."""
        minutes = int(self.lifetime.total_seconds() // 60)
        days = self.lifetime.days
        return {"link": link, "minutes": minutes, "hours": minutes // 60, "days": days}


VERIFICATION = Purpose("verification", timedelta(hours=24))
PASSWORD_RESET = Purpose("password_reset", timedelta(hours=1))
EMAIL_UNDO = Purpose("email_undo", timedelta(days=7))
"""To put a former address back, after its owner changed it."""
SIGN_IN_LINK = Purpose("sign_in_link", timedelta(minutes=15))
PURPOSES = (VERIFICATION, PASSWORD_RESET, EMAIL_UNDO, SIGN_IN_LINK)
PASSWORD_CHANGED, EMAIL_CHANGED = "password_changed", "email_changed"
"""Notices, without a link."""
SAMPLES: Mapping[str, Mapping[str, Any]] = {
    **{purpose.name: purpose.describe(SAMPLE) for purpose in PURPOSES},
    PASSWORD_CHANGED: {},
    EMAIL_CHANGED: {},
    ADDRESS_TAKEN: {},
}
"""Kind of a message → the variables of its template, as in a preview."""
