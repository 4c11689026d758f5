"""Attempts to sign in, to register and to prove a password: counted before they are carried out."""

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
from rollbook.limits.limit_status import LimitStatus, get_client_key
from rollbook.storage.driver_errors import spend_database_time

ALL_ADDRESSES_FACTOR = 10
"""An account may be tried from all addresses together this many times as often as from one."""

SILENT = ("account", "mail")
"""Limits whose status no response has: it would reveal whether an account exists."""


class AttemptLimiter:
    """Exact across all workers and restarts: each attempt is one atomic write to `storage`.

    A window starts with its first attempt. Without a storage nothing is limited.
    """

    def __init__(
        self,
        storage: Storage | None,
        *,
        per_address: str,
        per_account: str,
        per_registration: str = "5/minute",
        per_session: str = "30/minute",
        per_recipient: str = "5/hour",
        key: bytes = b"",
        on_status: Callable[[LimitStatus], None] = lambda _: None,
    ) -> None:
        """Parse the limits, which are in the notation of Flask-Limiter.

        `on_status` receives what is left of them. `key` hides from a reader of the counters which
        accounts were tried.
        """
        self._strategy = FixedWindowRateLimiter(storage) if storage else None
        self._per_address = parse_many(per_address)
        self._per_account = parse_many(per_account)
        self._per_registration = parse_many(per_registration)
        self._per_session = parse_many(per_session)
        self._per_recipient = parse_many(per_recipient)
        self._key = key
        self._on_status = on_status

    def count_attempt(self, origin: Origin) -> None:
        """Count an attempt from this address. Raises: TooManyRequests, LimitsUnavailable."""
        self._count("auth", self._per_address, get_client_key(origin.ip))

    def count_registration(self, origin: Origin) -> None:
        """Count a registration from this address.

        Raises: TooManyRequests, LimitsUnavailable.
        """
        self._count("registration", self._per_registration, get_client_key(origin.ip))

    def count_refresh(self, session_id: str) -> None:
        """Count a refresh of this session. Raises: TooManyRequests, LimitsUnavailable."""
        self._count("refresh", self._per_session, session_id)

    def count_message(self, kind: str, address: str) -> bool:
        """Count a message to this address, and return whether it is allowed.

        Raises: LimitsUnavailable.
        """
        key = self._hash(f"{kind} {address.casefold()}")
        return all(self._hit(limit, "mail", key) for limit in self._per_recipient)

    def count_account_attempt(self, account: str, origin: Origin) -> bool:
        """Count an attempt on this account, and return whether it is allowed.

        False when the account had too many attempts, from this address or from all.

        An address that is over its own limit does not count towards the limit of all addresses:
        otherwise a few addresses could lock the owner out. It is counted elsewhere, so that the
        call takes the same time. Raises: LimitsUnavailable.
        """
        by_address = [
            self._hit(limit, "account", key) for limit, key in self._list_own(account, origin)
        ]
        total = account if all(by_address) else f"{account} {get_client_key(origin.ip)} beyond"
        by_all = [self._hit(limit, "account", key) for limit, key in self._list_total(total)]
        return all(by_address) and all(by_all)

    def reset_account(self, account: str, origin: Origin) -> None:
        """Reset the counters of an account whose owner has signed in.

        If the storage is unavailable, the counters stay until they expire.
        """
        if self._strategy:
            counters = [*self._list_own(account, origin), *self._list_total(account)]
            with suppress(StorageError), spend_database_time():
                for limit, key in counters:
                    self._strategy.clear(limit, "account", key)

    def _count(self, name: str, limits: list[RateLimitItem], key: str) -> None:
        for limit in limits:
            if not self._hit(limit, name, key):
                raise TooManyRequests()

    def _list_own(self, account: str, origin: Origin) -> list[tuple[RateLimitItem, str]]:
        """List the limits of an account for one address, with the keys of their counters."""
        key = self._hash(f"{account} {get_client_key(origin.ip)}")
        return [(limit, key) for limit in self._per_account]

    def _list_total(self, account: str) -> list[tuple[RateLimitItem, str]]:
        """List the limits of an account for all addresses, with the keys of their counters."""
        return [
            (type(limit)(limit.amount * ALL_ADDRESSES_FACTOR, limit.multiples), self._hash(account))
            for limit in self._per_account
        ]

    def _hash(self, account: str) -> str:
        return hmac.new(self._key, account.encode("utf-8"), hashlib.sha256).hexdigest()

    def _hit(self, limit: RateLimitItem, name: str, key: str) -> bool:
        if self._strategy is None:
            return True
        try:
            with spend_database_time():
                return self._count_hit(self._strategy, limit, name, key)
        except StorageError:
            raise LimitsUnavailable() from None

    def _count_hit(
        self, strategy: FixedWindowRateLimiter, limit: RateLimitItem, name: str, key: str
    ) -> bool:
        allowed = strategy.hit(limit, name, key)
        if name not in SILENT:
            reset, remaining = strategy.get_window_stats(limit, name, key)
            window = limit.get_expiry()
            self._on_status(LimitStatus(name, limit.amount, window, remaining, reset))
        return allowed
