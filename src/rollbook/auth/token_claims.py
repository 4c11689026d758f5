"""Claims about the user in access tokens (TOKEN_CLAIMS).

They say what was true when the token was issued. The API itself never reads them.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rollbook.users.documents import User

logger = logging.getLogger(__name__)

MAX_CLAIMS_BYTES = 2048
"""As JSON. A token has to fit into a header, and many servers allow 8 KiB for all of them."""
METADATA = ("metadata", "app_metadata")


@dataclass(frozen=True)
class TokenClaims:
    """`names` are those of TOKEN_CLAIMS; `get_permissions` returns those of a role."""

    names: tuple[str, ...]
    get_permissions: Callable[[str], frozenset[str]]

    @classmethod
    def parse(cls, text: str, get_permissions: Callable[[str], frozenset[str]]) -> "TokenClaims":
        """Parse TOKEN_CLAIMS: names separated by commas, such as `email,role,metadata.team`."""
        return cls(tuple(filter(None, map(str.strip, text.split(",")))), get_permissions)

    def build(self, user: User) -> dict[str, Any]:
        """Build the claims, for the transaction of a sign-in. What is not set is left out.

        Claims that are too long together are left out, the longest first, and logged.
        """
        claims: dict[str, Any] = {}
        for name in self.names:
            value = self._get_value(user, name)
            if value is not None:
                claim, *path = name.split(".")
                _insert(claims, [claim, *path], value)
        while len(json.dumps(claims).encode()) > MAX_CLAIMS_BYTES:
            longest = max(claims, key=lambda name: len(json.dumps(claims[name])))
            logger.warning("claim %s is too long for an access token, and left out", longest)
            del claims[longest]
        return claims

    def _get_value(self, user: User, name: str) -> Any:
        if name == "permissions":
            return sorted(self.get_permissions(user.role))
        field, *path = name.split(".")
        value = getattr(user, field)
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def _insert(claims: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for parent in parents:
        claims = claims.setdefault(parent, {})
    claims[last] = value
