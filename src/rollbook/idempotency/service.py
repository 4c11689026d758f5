"""Requests with an Idempotency-Key: the first is carried out, later ones get its response."""

import hashlib
import hmac
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from bson import Binary

from rollbook.idempotency.dao import idempotency_records
from rollbook.idempotency.documents import IdempotencyRecord
from rollbook.idempotency.errors import KeyInFlight, KeyReused
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.kit.replay import Attempt, StoredResponse

STORED_FOR = timedelta(hours=24)
HELD_FOR = timedelta(seconds=10)
"""Longer than any request takes. A request that takes longer has died."""


@dataclass(frozen=True)
class FirstAttempt:
    """The first request with its key; see `rollbook.kit.replay.Attempt`."""

    scope: str
    attempt: str

    def complete(self, response: StoredResponse) -> None:
        stored = {
            "status": response.status,
            "headers": dict(response.headers),
            "body": Binary(response.body),
            "about": response.about,
        }
        if not idempotency_records.complete(self.scope, self.attempt, stored):
            raise KeyInFlight()

    def release(self) -> None:
        with suppress(Unavailable):  # Then the key is free when HELD_FOR is over.
            idempotency_records.release(self.scope, self.attempt)


@dataclass(frozen=True)
class IdempotencyService:
    """The service that runs a request once for each idempotency key.

    `key` has 32 bytes. A body may hold a password, so a keyed hash of it is stored. Without `key`,
    passwords cannot be tried against that hash.
    """

    clock: Clock
    key: bytes

    def begin(
        self, idempotency_key: str, body: bytes, *, caller: str, request: str
    ) -> StoredResponse | Attempt:
        """Begin a request, or return the stored response of an earlier one.

        `request` is the method and the path. Each caller and request has keys of its own.

        Raises: KeyInFlight, KeyReused.
        """
        scope_text = "\n".join((caller, request, idempotency_key))
        scope = hashlib.sha256(scope_text.encode("utf-8", "replace")).hexdigest()
        now, attempt, mac = self.clock(), secrets.token_hex(16), self._hash_body(body)
        new = IdempotencyRecord(
            scope=scope,
            body_mac=mac,
            attempt=attempt,
            held_until=now + HELD_FOR,
            expires_at=now + STORED_FOR,
        )
        record = idempotency_records.claim(new, at=now)
        if record is None:
            raise KeyInFlight()
        if record["attempt"] == attempt:
            return FirstAttempt(scope, attempt)
        if not hmac.compare_digest(record["body_mac"], mac):
            raise KeyReused()
        if record.get("status") is None:
            raise KeyInFlight()
        body, about = bytes(record["body"]), record.get("about") or ""
        return StoredResponse(record["status"], record["headers"], body, about)

    def _hash_body(self, body: bytes) -> str:
        """Hash the body. The hash is the same for all ways to write the same JSON."""
        content = body
        with suppress(ValueError, RecursionError):
            content = json.dumps(json.loads(body), sort_keys=True).encode()
        return hmac.digest(self.key, content, hashlib.sha256).hex()
