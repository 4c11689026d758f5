"""Where the current request comes from."""

import ipaddress
import re
from functools import lru_cache

from flask import g, request

from rollbook.access.principal import ActorKind, Origin, Principal

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([\d.]+):\d+")


def get_origin() -> Origin:
    environ = request.environ
    return Origin(
        get_client_address(),
        environ.get("HTTP_USER_AGENT"),
        g.get("request_id"),
        environ.get("HTTP_ACCEPT_LANGUAGE"),
    )


def get_client_address() -> str | None:
    """Return the IP address of the client, without a port.

    It is the address of the peer, or the one that trusted proxies report, or that a trusted client
    forwards. None when that is not an IP address.
    """
    if "forwarded_address" in g:
        return str(g.forwarded_address)
    return _parse_address(request.remote_addr or "")


@lru_cache(maxsize=1000)
def _parse_address(reported: str) -> str | None:
    match = _WITH_PORT.fullmatch(reported)
    try:
        return str(ipaddress.ip_address(match[1] or match[2] if match else reported))
    except ValueError:
        return None


def get_anonymous_principal() -> Principal:
    """Return an anonymous caller.

    A token, such as an expired one at a sign-in, is ignored.
    """
    return Principal(ActorKind.ANONYMOUS, None, frozenset(), get_origin())
