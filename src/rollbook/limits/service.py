"""Attempts at a secret: counted before anyone looks at it."""

import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress

from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from rollbook.access.principal import Origin
from rollbook.kit.errors import TooManyRequests
from rollbook.limits.errors import LimitsUnavailable
from rollbook.limits.standing import Standing, counted_as

STRANGERS = 10
"""How many times as many attempts an account takes from all addresses together as from one."""


class Attempts:
    """Exact across all workers and restarts: an attempt is reserved by one atomic write to a shared `storage`.

    The window opens with its first attempt. Without a storage nothing is limited.
    """

    def __init__(
        self,
        storage: Storage | None,
        *,
        per_address: str,
        per_account: str,
        per_registration: str = "5/minute",
        key: bytes = b"",
        told: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        """`per_…`: as Flask-Limiter writes limits. `told` hears of every standing.

        `key` hides which accounts were tried from whoever reads the counters.
        """
        self._strategy = FixedWindowRateLimiter(storage) if storage else None
        self._per_address = parse_many(per_address)
        self._per_account = parse_many(per_account)
        self._per_registration = parse_many(per_registration)
        self._key = key
        self._told = told

    def reserve(self, origin: Origin) -> None:
        """One attempt at a secret from this address. Raises: TooManyRequests, LimitsUnavailable."""
        self._reserve("auth", self._per_address, origin)

    def reserve_registration(self, origin: Origin) -> None:
        """One registration from this address. Raises: TooManyRequests, LimitsUnavailable."""
        self._reserve("registration", self._per_registration, origin)

    def _reserve(self, name: str, limits: list[RateLimitItem], origin: Origin) -> None:
        for limit in limits:
            if not self._hit(limit, name, counted_as(origin.ip)):
                raise TooManyRequests()

    def reserve_for(self, account: str, origin: Origin) -> bool:
        """One attempt at this account; False when it had too many, from this address or from all of them.

        What an address tries beyond its own limit does not count against the total: a few addresses cannot use it up
        and lock the owner out elsewhere. It is counted apart, so that it takes as long. Raises: LimitsUnavailable.
        """
        own = [self._hit(limit, "account", key) for limit, key in self._of_address(account, origin)]
        counted = self._of_account(account if all(own) else f"{account} {counted_as(origin.ip)} beyond")
        total = [self._hit(limit, "account", key) for limit, key in counted]
        return all(own) and all(total)

    def forgive(self, account: str, origin: Origin) -> None:
        """The owner is there: what was counted against the account is forgotten, if that can be at this moment."""
        if self._strategy:
            with suppress(StorageError):
                for limit, key in [*self._of_address(account, origin), *self._of_account(account)]:
                    self._strategy.clear(limit, "account", key)

    def _of_address(self, account: str, origin: Origin) -> list[tuple[RateLimitItem, str]]:
        key = self._hidden(f"{account} {counted_as(origin.ip)}")
        return [(limit, key) for limit in self._per_account]

    def _of_account(self, account: str) -> list[tuple[RateLimitItem, str]]:
        totals = [type(limit)(limit.amount * STRANGERS, limit.multiples) for limit in self._per_account]
        return [(total, self._hidden(account)) for total in totals]

    def _hidden(self, account: str) -> str:
        return hmac.new(self._key, account.encode("utf-8"), hashlib.sha256).hexdigest()

    def _hit(self, limit: RateLimitItem, name: str, key: str) -> bool:
        if self._strategy is None:
            return True
        try:
            passed = self._strategy.hit(limit, name, key)
            if name != "account":  # That would tell of an account.
                reset, remaining = self._strategy.get_window_stats(limit, name, key)
                self._told(Standing(name, limit.amount, limit.get_expiry(), remaining, reset))
        except StorageError:
            raise LimitsUnavailable() from None
        return passed
