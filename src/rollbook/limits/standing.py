"""Where a caller stands with a limit, and the headers that say so."""

import ipaddress
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN = "unknown"
MOST_REMEMBERED = 10


@dataclass(frozen=True)
class Standing:
    """`amount` per `window` seconds, of which `remaining` are left until `reset` (seconds since the epoch)."""

    name: str
    amount: int
    window: int
    remaining: int
    reset: float

    @property
    def wait(self) -> int:
        """Whole seconds until it starts anew; at least one."""
        return max(1, math.ceil(self.reset - time.time()))


def headers(standings: Sequence[Standing]) -> dict[str, str]:
    """RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10), and for older clients the X- headers.

    Those tell of the limit that is nearest to its end.
    """
    if not standings:
        return {}
    names = [each.name for each in standings]
    labels = [each.name if names.count(each.name) == 1 else f"{each.name}-{each.window}" for each in standings]
    nearest = min(standings, key=lambda each: each.remaining / each.amount)
    named = list(zip(labels, standings, strict=True))
    return {
        "RateLimit-Policy": ", ".join(f'"{label}";q={each.amount};w={each.window}' for label, each in named),
        "RateLimit": ", ".join(f'"{label}";r={each.remaining};t={each.wait}' for label, each in named),
        "X-RateLimit-Limit": str(nearest.amount),
        "X-RateLimit-Remaining": str(nearest.remaining),
        "X-RateLimit-Reset": str(math.ceil(nearest.reset)),
    }


def counted_as(ip: str | None) -> str:
    """What a caller has but one of: an IPv4 address, or the /64 that an IPv6 host may choose from (RFC 4291 §2.5.4)."""
    try:
        address = ipaddress.ip_address((ip or "").partition("%")[0])
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def remembered(known: Sequence[str], ip: str | None) -> list[str]:
    """The last few callers that were `known`, and now this one; what is no address is nobody's."""
    address = counted_as(ip)
    others = [each for each in known if each != address]
    return ([*others, address] if address != UNKNOWN else others)[-MOST_REMEMBERED:]
