"""Where the request at hand comes from."""

import ipaddress
import re

from flask import g, request

from rollbook.access.principal import ActorKind, Origin, Principal

_WITH_PORT = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([\d.]+):\d+")


def request_origin() -> Origin:
    return Origin(client_address(), request.headers.get("User-Agent"), g.get("request_id"))


def client_address() -> str | None:
    """The peer's, or what trusted proxies say it is, some of which add a port; None for what is no address."""
    given = request.remote_addr or ""
    match = _WITH_PORT.fullmatch(given)
    try:
        return str(ipaddress.ip_address(match[1] or match[2] if match else given))
    except ValueError:
        return None


def anonymous() -> Principal:
    """Whoever calls, leaving aside whatever token came along, such as an expired one at a sign-in."""
    return Principal(ActorKind.ANONYMOUS, None, frozenset(), request_origin())
