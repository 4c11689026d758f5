"""Which key signs access tokens now, and which keys verify them."""

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
"""How long a process may sign with a key that another process has retired."""


CachedKey = tuple[RSAKey, datetime | None]
"""A public key, and the end of its validity, if it is retired."""


@dataclass(frozen=True)
class Signer:
    """`header`: the JOSE header of a token that `key` signs."""

    key: RSAKey | OctKey
    header: dict[str, str]


class Keys(Protocol):
    """The keys of access tokens. A token with another algorithm than `algorithm` is refused."""

    algorithm: str

    def get_signer(self) -> Signer:
        """Return the key that signs. Raises: Unavailable."""

    def find_key(self, kid: str | None) -> RSAKey | OctKey | None:
        """Find the key that verifies tokens with this kid. None for an unknown or expired key."""

    def get_jwks(self) -> dict[str, Any]:
        """Return the public keys as a JWK Set (RFC 7517 §5)."""


class SharedSecret:
    """HS256. The key that verifies a token can also sign one, so no key is published."""

    algorithm = "HS256"

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(secret)

    def get_signer(self) -> Signer:
        return Signer(self._key, {"alg": self.algorithm})

    def find_key(self, kid: str | None) -> OctKey | None:
        return self._key if kid is None else None

    def get_jwks(self) -> dict[str, Any]:
        return {"keys": []}


class KeyRing:
    """RS256. One key signs, the next one is published, and retired keys verify tokens.

    A retired key verifies tokens until its last token has expired.

    A process caches the keys for REFRESH_SECONDS. It looks up a key that it does not know, so a
    rotation invalidates no token.
    """

    algorithm = "RS256"

    def __init__(
        self,
        clock: Clock,
        seal: Seal,
        token_lifetime: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._seal = seal
        self.retired_lifetime = token_lifetime + timedelta(seconds=2 * REFRESH_SECONDS)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._refreshed_at = float("-inf")
        self._signer: Signer | None = None
        self._cache: dict[str, CachedKey] = {}

    def get_signer(self) -> Signer:
        self._refresh()
        signer = self._signer
        if signer is None:
            raise Unavailable()
        return signer

    def find_key(self, kid: str | None) -> RSAKey | None:
        self._refresh()
        if kid is None:
            return None
        found = self._cache.get(kid) or self._look_up(kid)
        if found is None:
            return None
        key, until = found
        return key if until is None or self._clock() < until else None

    def get_jwks(self) -> dict[str, Any]:
        self._refresh()
        keys = {kid: self.find_key(kid) for kid in list(self._cache)}
        return {"keys": [_build_jwk(kid, key) for kid, key in keys.items() if key]}

    def invalidate(self) -> None:
        """Read the keys again before they are used."""
        self._refreshed_at = float("-inf")

    def _look_up(self, kid: str) -> CachedKey | None:
        stored = signing_keys.find("kid", kid)
        if stored is None:
            return None
        self._cache[kid] = cached = _import_public_key(stored)
        return cached

    def _refresh(self) -> None:
        if self._monotonic() - self._refreshed_at < REFRESH_SECONDS:
            return
        with self._lock:
            if self._monotonic() - self._refreshed_at >= REFRESH_SECONDS:
                self._read()

    def _read(self) -> None:
        """Read the keys. A known key, which its kid is the thumbprint of, stays the same object."""
        cache, signer = {}, None
        for key in signing_keys.list_all():
            known = self._cache.get(key.kid)
            cache[key.kid] = (known[0], key.believed_until) if known else _import_public_key(key)
            if key.slot == "active" and (private := self._seal.decrypt(key.sealed)):
                signer = Signer(private, {"alg": self.algorithm, "kid": key.kid})
        self._cache, self._signer = cache, signer
        # Without a signer, read again at the next use.
        self._refreshed_at = self._monotonic() if signer else float("-inf")


def _import_public_key(stored: SigningKey) -> CachedKey:
    return RSAKey.import_key(dict(stored.public)), stored.believed_until


def _build_jwk(kid: str, key: RSAKey) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": KeyRing.algorithm}
