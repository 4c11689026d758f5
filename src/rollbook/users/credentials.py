"""What decides about a sign-in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from rollbook.access.principal import Origin
from rollbook.limits.limit_status import get_client_key
from rollbook.users.known_devices import get_device_key

CREDENTIAL_FIELDS = (
    "password_hash",
    "is_active",
    "known_addresses",
    "known_devices",
    "email_verified",
)


@dataclass(frozen=True)
class Credentials:
    id: ObjectId
    password_hash: str
    is_active: bool
    known_addresses: Sequence[str] = ()
    known_devices: Sequence[str] = ()
    email_verified: bool = False

    def is_elsewhere(self, origin: Origin) -> bool:
        """Return whether both the address and the device are new. At the first sign-in, none is."""
        address, device = get_client_key(origin.ip), get_device_key(origin.user_agent)
        is_new = address not in self.known_addresses and device not in self.known_devices
        return is_new and bool(self.known_devices)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Credentials":
        """Build them from the stored form of a user. An older one may lack fields."""
        return cls(row["_id"], **{name: row[name] for name in CREDENTIAL_FIELDS if name in row})
