"""The devices that a user has signed in on, as far as a server can tell."""

import hashlib
from collections.abc import Sequence

MAX_KNOWN_DEVICES = 10
KEY_LENGTH = 16


def get_device_key(user_agent: str | None) -> str:
    """Return what stands for a device: a hash of its User-Agent, since that may be long."""
    return hashlib.sha256((user_agent or "").encode("utf-8")).hexdigest()[:KEY_LENGTH]


def remember_device(known: Sequence[str], user_agent: str | None) -> list[str]:
    """Return `known` with this device as the latest, cut to MAX_KNOWN_DEVICES."""
    device = get_device_key(user_agent)
    return [*(each for each in known if each != device), device][-MAX_KNOWN_DEVICES:]
