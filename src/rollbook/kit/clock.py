"""The one clock. It is handed to whoever needs the time, so that a test can freeze it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """UTC, whole milliseconds: BSON keeps no more."""
    moment = datetime.now(UTC)  # noqa: TID251 - the one place that asks the machine
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
