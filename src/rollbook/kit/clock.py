"""The clock. Code that needs the time receives it as an argument, so that a test can freeze it."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the time in UTC and whole milliseconds, since BSON stores no more."""
    time = datetime.now(UTC)  # noqa: TID251 - the only place that reads the machine's clock
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def get_earliest(*clocks: Clock) -> Clock:
    """Return a clock that shows the earliest time of several, one of which may be wrong."""
    return lambda: min(clock() for clock in clocks)


def get_latest(*clocks: Clock) -> Clock:
    """Return a clock that shows the latest time of several, one of which may be wrong."""
    return lambda: max(clock() for clock in clocks)


def render_for_people(time: datetime) -> str:
    """Render a time in UTC for a message or a page: `2026-11-30 12:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC")
