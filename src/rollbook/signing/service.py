"""What can be done with signing keys: have them, rotate them, look at them."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc.jwk import RSAKey

from rollbook.access.principal import SYSTEM, Principal
from rollbook.audit.service import Target, record
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.kit.transactions import in_transaction
from rollbook.signing.dao import signing_keys
from rollbook.signing.documents import SigningKey
from rollbook.signing.errors import KeySlotTaken, key_sealed
from rollbook.signing.ring import KeyRing
from rollbook.signing.sealing import Seal

BITS = 2048
"""RFC 7518 §3.3 asks for 2048 or more."""


@dataclass(frozen=True)
class KeyService:
    clock: Clock
    seal: Seal
    ring: KeyRing

    def ensure(self) -> None:
        """There is a key that signs and one that will. Raises: NotReady, when we cannot sign with it."""
        held = {key.slot for key in signing_keys.all()}
        for slot in ("active", "next"):
            if slot not in held:
                with suppress(KeySlotTaken):  # Another process was faster.
                    self._make(slot)
                self.ring.forget()
        try:
            self.ring.signer()
        except Unavailable:
            raise key_sealed() from None

    def _make(self, slot: str) -> None:
        now = self.clock()
        key = self._generate(slot, now)

        def write() -> None:
            signing_keys.insert(key)
            record("key.created", Target("key", key.kid, key.version), actor=SYSTEM, at=now, changes={})

        in_transaction(write, actor=SYSTEM)

    def list_keys(self) -> list[SigningKey]:
        """The newest first."""
        return signing_keys.all()

    def rotate(self, *, actor: Principal, replace_sealed: bool = False) -> SigningKey:
        """The next key signs from now on, and a new one is the next; what the former signed stays good while it lasts.

        `replace_sealed`: keys that this SECRET_KEY cannot open are replaced. Raises: NotReady, for those, without it.
        """
        now = self.clock()
        spare, fresh = self._generate("active", now), self._generate("next", now)

        def write() -> SigningKey:
            held = {key.slot: key for key in signing_keys.all() if key.slot}
            following = held.get("next")
            usable = following is not None and self.seal.open(following.sealed) is not None
            if following is not None and not usable and not replace_sealed:
                raise key_sealed()
            for key in held.values():
                if key.slot == "active" or not usable:
                    self._change(key, now, slot=None, believed_until=now + self.ring.believed_for)
            active = self._change(following, now, slot="active") if usable else signing_keys.insert(spare)
            signing_keys.insert(fresh)
            signing_keys.remove_expired(now)
            changes = {"active": {"before": _kid(held.get("active")), "after": active.kid}}
            record("key.rotated", Target("key", active.kid, active.version), actor=actor, at=now, changes=changes)
            return active

        active = in_transaction(write, actor=actor)
        self.ring.forget()
        return active

    def _change(self, key: Any, now: datetime, **fields: Any) -> SigningKey:
        return signing_keys.change(key.pk, version=key.version, at=now, fields=fields)

    def _generate(self, slot: str, now: datetime) -> SigningKey:
        key = RSAKey.generate_key(BITS)
        return SigningKey(
            kid=key.thumbprint(),
            slot=slot,
            public=key.as_dict(private=False),
            sealed=self.seal.close(key),
            created_at=now,
            updated_at=now,
        )


def _kid(key: SigningKey | None) -> str | None:
    return key.kid if key else None
