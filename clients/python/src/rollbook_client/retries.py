"""Which requests are sent again, and when."""

import random  # noqa: TID251 - guards no secret
from threading import Lock
from time import sleep

import httpx
from anyio import Lock as AsyncLock
from anyio import sleep as async_sleep

from rollbook_client.errors import find_code, parse_retry_after
from rollbook_client.messages import Request

__all__ = ["AsyncLock", "Lock", "RetryBudget", "async_sleep", "may_resend", "sleep"]

FIRST_WAIT = 0.5
"""Seconds, after no response or without Retry-After. Each further wait is twice as long."""
MIN_WAIT = 0.1
MAX_JITTER = 0.25
"""A part of the wait that is added by chance, so that clients do not return all at once."""
MAX_FAILURES = 3
"""Requests of one call that are sent again without a response."""
NOTHING_DONE = ("too_busy", "limits_unavailable", "not_ready")
NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
WRONG_REQUEST = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


def may_resend(request: Request, result: httpx.Response | httpx.TransportError) -> bool:
    """Whether a request may be sent again after a response, or without one.

    After 503 and without a response it may have been done, unless `result` says that it was not.
    """
    if isinstance(result, httpx.TransportError):
        is_safe = request.is_repeatable or isinstance(result, NOTHING_SENT)
        return is_safe and not isinstance(result, WRONG_REQUEST)
    if result.status_code == 503:
        return request.is_repeatable or find_code(result) in NOTHING_DONE
    return result.status_code == 429 or find_code(result) == "idempotency_key_in_flight"


class RetryBudget:
    """The seconds that one call may spend on waiting (RFC 9110 §10.2.3, Retry-After)."""

    def __init__(self, max_wait: float) -> None:
        self._left = max_wait
        self._failures = 0

    def take(self, result: httpx.Response | httpx.TransportError) -> float | None:
        """Take the seconds to wait, or None: they are more than what is left."""
        if isinstance(result, httpx.TransportError) and self._failures == MAX_FAILURES:
            return None
        wait = parse_retry_after(result) if isinstance(result, httpx.Response) else None
        if wait is None:
            wait = FIRST_WAIT * 2**self._failures
            self._failures += 1
        if wait > self._left:
            return None
        jitter = MAX_JITTER * random.random()  # noqa: S311
        wait = min(max(wait, MIN_WAIT) * (1 + jitter), self._left)
        self._left -= wait
        return wait
