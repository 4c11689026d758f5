"""Noticing that this machine's clock is not MongoDB's: sessions go by the one, leases and deletions by the other."""

import logging
from datetime import datetime, timedelta

from rollbook.kit.errors import Detail

TOLERATED = timedelta(seconds=5)
logger = logging.getLogger(__name__)


class ClockSkew:
    """`detail`: what is to be said of it; None while the clocks agree."""

    def __init__(self) -> None:
        self.detail: Detail | None = None

    def note(self, asked: datetime, there: datetime, answered: datetime) -> None:
        """`there`: MongoDB's time, at some moment between the two of ours. A change is logged once."""
        ahead = asked - there if asked > there else answered - there if answered < there else timedelta()
        was = self.detail
        self.detail = _detail(ahead) if abs(ahead) > TOLERATED else None
        if self.detail and not was:
            logger.warning(self.detail.message)
        elif was and not self.detail:
            logger.info("this machine's clock agrees with MongoDB's again")


def _detail(ahead: timedelta) -> Detail:
    direction = "ahead of" if ahead > timedelta() else "behind"
    seconds = round(abs(ahead).total_seconds())
    return Detail(
        "clock", "clock_skew", f"This machine's clock is {seconds} s {direction} MongoDB's; have NTP set both of them."
    )
