"""What decides about a sign-in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

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

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Credentials":
        """Build them from the stored form of a user. An older one may lack fields."""
        return cls(row["_id"], **{name: row[name] for name in CREDENTIAL_FIELDS if name in row})
