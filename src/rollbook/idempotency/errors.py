"""Errors about idempotency keys."""

from collections.abc import Mapping

from rollbook.kit.errors import AppError, Conflict


class KeyInFlight(Conflict):
    """A request with this `Idempotency-Key` is under way.

    If its process died, the key is free after 10 seconds.
    """

    code = "idempotency_key_in_flight"
    message = "A request with this Idempotency-Key is under way. Try again soon."
    headers: Mapping[str, str] = {"Retry-After": "1"}


class KeyReused(AppError):
    """The `Idempotency-Key` was used with another body before."""

    status, code = 422, "idempotency_key_reused"
    message = "This Idempotency-Key was used with another body. Use a new key for a new request."
