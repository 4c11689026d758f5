"""Backends that forward the address of the person they act for (TRUSTED_CLIENTS).

A backend that signs users in has one address, so all its users would share the limits of it.
"""

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from rollbook.kit.errors import BadRequest, Unauthenticated

SECRET_HEADER = "X-Client-Secret"
ADDRESS_HEADER = "X-Client-Address"


class UnknownClient(Unauthenticated):
    """The secret of the client, or its name by HTTP Basic, is not in TRUSTED_CLIENTS."""

    code, message = "unknown_client", "This client is not known. Check TRUSTED_CLIENTS."
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Basic realm="rollbook"'}


class InvalidClientAddress(BadRequest):
    """X-Client-Address is no IP address, or has no X-Client-Secret beside it."""

    code = "invalid_client_address"
    message = "X-Client-Address needs an IP address, and X-Client-Secret beside it."


@dataclass(frozen=True)
class TrustedClients:
    """`secrets`: the name of each backend → its secret."""

    secrets: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> "TrustedClients":
        """Parse TRUSTED_CLIENTS: `name:secret`, separated by commas."""
        pairs = (each.strip().partition(":") for each in text.split(",") if each.strip())
        return cls({name: secret for name, _, secret in pairs})

    def has(self, name: str, secret: str) -> bool:
        """Return whether a backend has this name and this secret."""
        known, sent = self.secrets.get(name, ""), secret.encode("utf-8", "replace")
        return bool(known) and hmac.compare_digest(sent, known.encode("utf-8"))

    def find_name(self, secret: str) -> str:
        """Find the backend with this secret. Raises: UnknownClient."""
        sent = secret.encode("utf-8", "replace")
        for name, known in self.secrets.items():
            if hmac.compare_digest(sent, known.encode("utf-8")):
                return name
        raise UnknownClient()


def parse_address(text: str) -> str:
    """Return the canonical form of an IP address. Raises: InvalidClientAddress."""
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise InvalidClientAddress() from None
