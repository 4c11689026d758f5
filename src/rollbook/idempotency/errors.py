"""What can go wrong with an Idempotency-Key."""

from collections.abc import Mapping
from typing import ClassVar

from rollbook.kit.errors import AppError, Conflict


class KeyInFlight(Conflict):
    code, message = "idempotency_key_in_flight", "A request with this Idempotency-Key is under way; ask again soon."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class KeyReused(AppError):
    status, code = 422, "idempotency_key_reused"
    message = "This Idempotency-Key came with another body before; take a new key for a new request."
