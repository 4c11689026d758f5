"""Which key signs now, and which keys are believed."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from joserfc.jwk import OctKey, RSAKey

from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.signing.dao import signing_keys
from rollbook.signing.documents import SigningKey
from rollbook.signing.sealing import Seal

REFRESH_SECONDS = 10
"""How long a process signs with a key that was retired meanwhile."""


Known = tuple[RSAKey, datetime | None]
"""A public key, and until when it is believed, where that is known."""


@dataclass(frozen=True)
class Signer:
    """`header`: what a token that `key` signs says of it."""

    key: RSAKey | OctKey
    header: dict[str, str]


class Keys(Protocol):
    """Where access tokens get their keys from. `algorithm` is the only one that is believed."""

    algorithm: str

    def signer(self) -> Signer:
        """Raises: Unavailable."""

    def find(self, kid: str | None) -> RSAKey | OctKey | None:
        """The key that verifies; None for one that is not believed, or not any more."""

    def jwks(self) -> dict[str, Any]:
        """The public keys, as a JWK Set (RFC 7517 §5)."""


class SharedSecret:
    """HS256: whoever verifies can sign as well, so nothing is published."""

    algorithm = "HS256"

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(secret)

    def signer(self) -> Signer:
        return Signer(self._key, {"alg": self.algorithm})

    def find(self, kid: str | None) -> OctKey | None:
        return self._key if kid is None else None

    def jwks(self) -> dict[str, Any]:
        return {"keys": []}


class KeyRing:
    """RS256: one key signs, the next is published beforehand, retired ones are believed until their last token ends.

    What this process remembers is read again every REFRESH_SECONDS; a key that it does not know yet is looked up, so a
    rotation refuses no token.
    """

    algorithm = "RS256"

    def __init__(
        self, clock: Clock, seal: Seal, token_lifetime: timedelta, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._seal = seal
        self.believed_for = token_lifetime + timedelta(seconds=2 * REFRESH_SECONDS)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._signer: Signer | None = None
        self._known: dict[str, Known] = {}

    def signer(self) -> Signer:
        self._refresh()
        signer = self._signer
        if signer is None:
            raise Unavailable()
        return signer

    def find(self, kid: str | None) -> RSAKey | None:
        self._refresh()
        if kid is None:
            return None
        found = self._known.get(kid) or self._looked_up(kid)
        if found is None:
            return None
        key, until = found
        return key if until is None or self._clock() < until else None

    def _looked_up(self, kid: str) -> Known | None:
        stored = signing_keys.find("kid", kid)
        if stored is None:
            return None
        self._known[kid] = known = _public_half(stored)
        return known

    def jwks(self) -> dict[str, Any]:
        self._refresh()
        believed = {kid: self.find(kid) for kid in list(self._known)}
        return {"keys": [_published(kid, key) for kid, key in believed.items() if key]}

    def forget(self) -> None:
        """Read again at the next use."""
        self._read_at = float("-inf")

    def _refresh(self) -> None:
        if self._monotonic() - self._read_at < REFRESH_SECONDS:
            return
        with self._lock:
            if self._monotonic() - self._read_at >= REFRESH_SECONDS:
                self._read()

    def _read(self) -> None:
        known, signer = {}, None
        for key in signing_keys.all():
            known[key.kid] = _public_half(key)
            if key.slot == "active" and (private := self._seal.open(key.sealed)):
                signer = Signer(private, {"alg": self.algorithm, "kid": key.kid})
        self._known, self._signer = known, signer
        self._read_at = self._monotonic() if signer else float("-inf")  # Without a key, look again.


def _public_half(stored: SigningKey) -> Known:
    return RSAKey.import_key(dict(stored.public)), stored.believed_until


def _published(kid: str, key: RSAKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": KeyRing.algorithm}
