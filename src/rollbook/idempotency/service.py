"""Requests that carry an Idempotency-Key: the first is carried out, those after it are answered as it was."""

import hashlib
import hmac
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from bson import Binary

from rollbook.idempotency.dao import kept_requests
from rollbook.idempotency.documents import KeptRequest
from rollbook.idempotency.errors import KeyInFlight, KeyReused
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.kit.repeats import Answer, Attempt

KEPT_FOR = timedelta(hours=24)
AT_WORK = timedelta(seconds=10)
"""Longer than any request takes; whoever is at it longer has died."""


@dataclass(frozen=True)
class Claimed:
    """This request is the first; see `rollbook.kit.repeats.Attempt`."""

    scope: str
    attempt: str

    def settle(self, answer: Answer) -> None:
        kept = {"status": answer.status, "headers": dict(answer.headers), "body": Binary(answer.body)}
        done = kept_requests.settle(self.scope, self.attempt, kept | {"about": answer.about})
        if not done:
            raise KeyInFlight()

    def release(self) -> None:
        with suppress(Unavailable):  # Then it is held until AT_WORK has passed.
            kept_requests.release(self.scope, self.attempt)


@dataclass(frozen=True)
class RepeatService:
    """`key`: 32 bytes. A body may hold a password, so of it a keyed hash is kept: nobody can try words on that."""

    clock: Clock
    key: bytes

    def begin(self, idempotency_key: str, body: bytes, *, caller: str, request: str) -> Answer | Attempt:
        """`caller` and `request` (method and path): the same key of another, or for another, is another key.

        Raises: KeyInFlight, KeyReused.
        """
        scope = hashlib.sha256("\n".join((caller, request, idempotency_key)).encode("utf-8", "replace")).hexdigest()
        now, attempt, mac = self.clock(), secrets.token_hex(16), self._mac(body)
        claimed = KeptRequest(
            scope=scope, body_mac=mac, attempt=attempt, held_until=now + AT_WORK, expires_at=now + KEPT_FOR
        )
        kept = kept_requests.claim(claimed, at=now)
        if kept is None:
            raise KeyInFlight()
        if kept["attempt"] == attempt:
            return Claimed(scope, attempt)
        if not hmac.compare_digest(kept["body_mac"], mac):
            raise KeyReused()
        if kept.get("status") is None:
            raise KeyInFlight()
        return Answer(kept["status"], kept["headers"], bytes(kept["body"]), kept.get("about") or "")

    def _mac(self, body: bytes) -> str:
        """Of what the JSON says, however it is written."""
        content = body
        with suppress(ValueError, RecursionError):
            content = json.dumps(json.loads(body), sort_keys=True).encode()
        return hmac.digest(self.key, content, hashlib.sha256).hex()
