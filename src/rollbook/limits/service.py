"""Attempts at a secret: counted before anyone looks at it."""

from collections.abc import Callable

from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from rollbook.access.principal import Origin
from rollbook.kit.errors import TooManyRequests
from rollbook.limits.errors import LimitsUnavailable
from rollbook.limits.standing import Standing, counted_as


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
        told: Callable[[Standing], None] = lambda _: None,
    ) -> None:
        """`per_address`, `per_account`: as Flask-Limiter writes limits. `told` hears of every standing."""
        self._strategy = FixedWindowRateLimiter(storage) if storage else None
        self._per_address = parse_many(per_address)
        self._per_account = parse_many(per_account)
        self._told = told

    def reserve(self, origin: Origin) -> None:
        """One attempt from this address. Raises: TooManyRequests, LimitsUnavailable."""
        for limit in self._per_address:
            if not self._hit(limit, "auth", counted_as(origin.ip)):
                raise TooManyRequests()

    def reserve_for(self, account: str) -> bool:
        """One attempt at this account, from wherever; False when it has had too many. Raises: LimitsUnavailable."""
        passed = [self._hit(limit, "account", account) for limit in self._per_account]
        return all(passed)

    def forgive(self, account: str) -> None:
        """The owner is there: what was counted against the account is forgotten."""
        if self._strategy:
            try:
                for limit in self._per_account:
                    self._strategy.clear(limit, "account", account)
            except StorageError:
                raise LimitsUnavailable() from None

    def _hit(self, limit: RateLimitItem, name: str, key: str) -> bool:
        if self._strategy is None:
            return True
        try:
            passed = self._strategy.hit(limit, name, key)
            if name == "auth":
                reset, remaining = self._strategy.get_window_stats(limit, name, key)
                self._told(Standing(name, limit.amount, limit.get_expiry(), remaining, reset))
        except StorageError:
            raise LimitsUnavailable() from None
        return passed
