"""What is left of a limit, and the headers that report it."""

import ipaddress
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

UNKNOWN = "unknown"
MAX_KNOWN_ADDRESSES = 10
MAX_CACHED_ADDRESSES = 1_000


@dataclass(frozen=True)
class LimitStatus:
    """`amount` requests per `window` seconds, of which `remaining` are left until `reset`.

    `reset` is in seconds since the epoch.
    """

    name: str
    amount: int
    window: int
    remaining: int
    reset: float

    @property
    def wait(self) -> int:
        """Whole seconds until the window starts again, at least one."""
        return max(1, math.ceil(self.reset - time.time()))


def render_headers(statuses: Sequence[LimitStatus]) -> dict[str, str]:
    """Render RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10).

    Older clients also get the X-RateLimit headers, which report the limit that is closest to its
    end.
    """
    if not statuses:
        return {}
    names = [each.name for each in statuses]
    labels = [
        each.name if names.count(each.name) == 1 else f"{each.name}-{each.window}"
        for each in statuses
    ]
    closest = min(statuses, key=lambda each: each.remaining / each.amount)
    labelled = list(zip(labels, statuses, strict=True))
    policies = [f'"{label}";q={each.amount};w={each.window}' for label, each in labelled]
    remaining = [f'"{label}";r={each.remaining};t={each.wait}' for label, each in labelled]
    return {
        "RateLimit-Policy": ", ".join(policies),
        "RateLimit": ", ".join(remaining),
        "X-RateLimit-Limit": str(closest.amount),
        "X-RateLimit-Remaining": str(closest.remaining),
        "X-RateLimit-Reset": str(math.ceil(closest.reset)),
    }


@lru_cache(MAX_CACHED_ADDRESSES)
def get_client_key(ip: str | None) -> str:
    """Return the key that counts one client.

    It is the client's IPv4 address, or the /64 network of its IPv6 address: an IPv6 host may choose
    any address in its /64 (RFC 4291 §2.5.4).
    """
    try:
        address = ipaddress.ip_address((ip or "").partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def remember_address(known: Sequence[str], ip: str | None) -> list[str]:
    """Return `known` with the client key of `ip` as the latest, cut to MAX_KNOWN_ADDRESSES."""
    address = get_client_key(ip)
    others = [each for each in known if each != address]
    return ([*others, address] if address != UNKNOWN else others)[-MAX_KNOWN_ADDRESSES:]
