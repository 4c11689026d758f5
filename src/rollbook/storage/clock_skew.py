"""Detect that this machine's clock and MongoDB's clock differ.

Sessions expire by this machine's clock, leases and deletions by MongoDB's.
"""

import logging
from datetime import datetime, timedelta

from rollbook.kit.errors import Detail

MAX_SKEW = timedelta(seconds=5)
logger = logging.getLogger(__name__)


class ClockSkew:
    """`detail` describes the difference; it is None while the clocks agree."""

    def __init__(self) -> None:
        self.detail: Detail | None = None

    def add_sample(self, before: datetime, server: datetime, after: datetime) -> None:
        """Add a sample. A change of state is logged once.

        `server` is MongoDB's time at some moment between `before` and `after`.
        """
        ahead = timedelta()
        if before > server:
            ahead = before - server
        elif after < server:
            ahead = after - server
        previous = self.detail
        self.detail = _describe(ahead) if abs(ahead) > MAX_SKEW else None
        if self.detail and not previous:
            logger.warning(self.detail.message)
        elif previous and not self.detail:
            logger.info("the clocks of this machine and MongoDB agree again")


def _describe(ahead: timedelta) -> Detail:
    direction = "ahead of" if ahead > timedelta() else "behind"
    seconds = round(abs(ahead).total_seconds())
    message = (
        f"The clock of this machine is {seconds} s {direction} MongoDB's. "
        "Synchronize both with NTP."
    )
    return Detail("clock", "clock_skew", message)
