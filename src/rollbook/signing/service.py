"""Create, rotate and list signing keys."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc.jwk import RSAKey

from rollbook.access.principal import SYSTEM, Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import NotReady, Unavailable
from rollbook.signing.dao import signing_keys
from rollbook.signing.documents import SigningKey
from rollbook.signing.errors import KeySlotTaken, build_sealed_error
from rollbook.signing.keys import KeyRing
from rollbook.signing.sealing import Seal
from rollbook.storage.transactions import transactional

KEY_BITS = 2048
"""RFC 7518 §3.3 requires 2048 or more."""


@dataclass(frozen=True)
class KeyService:
    clock: Clock
    seal: Seal
    ring: KeyRing

    def ensure_keys(self) -> None:
        """Create the active and the next key where they are missing.

        Raises: NotReady, when the active key cannot be decrypted.
        """
        slots = {key.slot for key in signing_keys.list_all()}
        for slot in ("active", "next"):
            if slot not in slots:
                with suppress(KeySlotTaken):  # Another process was faster.
                    self._insert(self._generate(slot), actor=SYSTEM)
                self.ring.invalidate()
        self._require_signer()

    def check_keys(self) -> None:
        """Check the active key, if there is one.

        Raises: NotReady, when it cannot be decrypted.
        """
        if any(key.slot == "active" for key in signing_keys.list_all()):
            self._require_signer()

    def require_none(self) -> None:
        """Require that there are no keys yet. Raises: NotReady."""
        if signing_keys.list_all():
            raise NotReady()

    def list_keys(self) -> list[SigningKey]:
        """List the keys, the latest first."""
        return signing_keys.list_all()

    def rotate(self, *, actor: Principal, replace_sealed: bool = False) -> SigningKey:
        """Make the next key sign, and create a new next key. Return the key that signs now.

        Tokens of the previous key stay valid until they expire. `replace_sealed` also replaces a
        next key that this SECRET_KEY cannot decrypt. Raises: NotReady, for such a key without it.
        """
        spare, following = self._generate("active"), self._generate("next")
        active = self._rotate(spare, following, replace_sealed, actor=actor)
        self.ring.invalidate()
        return active

    @transactional()
    def _insert(self, key: SigningKey, *, actor: Principal) -> None:
        signing_keys.insert(key)
        target = Target("key", key.kid, key.version)
        append_entry("key.created", target, actor=actor, at=self.clock(), changes={})

    def _require_signer(self) -> None:
        try:
            self.ring.get_signer()
        except Unavailable:
            raise build_sealed_error() from None

    @transactional()
    def _rotate(
        self, spare: SigningKey, following: SigningKey, replace_sealed: bool, *, actor: Principal
    ) -> SigningKey:
        """Rotate. `spare` becomes the active key when the stored next key cannot be decrypted."""
        now = self.clock()
        stored = {key.slot: key for key in signing_keys.list_all() if key.slot}
        candidate = stored.get("next")
        usable = candidate is not None and self.seal.decrypt(candidate.sealed) is not None
        if candidate is not None and not usable and not replace_sealed:
            raise build_sealed_error()
        for key in stored.values():
            if key.slot == "active" or not usable:
                until = now + self.ring.retired_lifetime
                _update(key, now, slot=None, believed_until=until)
        active = _update(candidate, now, slot="active") if usable else signing_keys.insert(spare)
        signing_keys.insert(following)
        signing_keys.delete_expired(now)
        previous = stored.get("active")
        changes = {"active": {"before": previous and previous.kid, "after": active.kid}}
        target = Target("key", active.kid, active.version)
        append_entry("key.rotated", target, actor=actor, at=now, changes=changes)
        return active

    def _generate(self, slot: str) -> SigningKey:
        now = self.clock()
        key = RSAKey.generate_key(KEY_BITS)
        return SigningKey(
            kid=key.thumbprint(),
            slot=slot,
            public=key.as_dict(private=False),
            sealed=self.seal.encrypt(key),
            created_at=now,
            updated_at=now,
        )


def _update(key: Any, now: datetime, **fields: Any) -> SigningKey:
    return signing_keys.update(key.pk, version=key.version, at=now, fields=fields)
