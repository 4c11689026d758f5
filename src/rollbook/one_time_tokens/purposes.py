"""What a one-time token is for."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Purpose:
    """`name` is that of the token and of its message."""

    name: str
    lifetime: timedelta

    def describe(self, link: str, token: str) -> dict[str, Any]:
        """Return the variables of a template: the link, and how long it is valid.

        `link` has `{token}` where the token goes.
        """
        minutes = int(self.lifetime.total_seconds() // 60)
        return {
            "link": link.replace("{token}", token),
            "minutes": minutes,
            "hours": minutes // 60,
            "days": self.lifetime.days,
        }
