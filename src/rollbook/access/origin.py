"""Where the request at hand comes from."""

import ipaddress

from flask import g, request

from rollbook.access.principal import ActorKind, Origin, Principal


def request_origin() -> Origin:
    return Origin(client_address(), request.headers.get("User-Agent"), g.get("request_id"))


def client_address() -> str | None:
    """The peer's, or what trusted proxies say it is; None for what is no address."""
    try:
        return str(ipaddress.ip_address(request.remote_addr or ""))
    except ValueError:
        return None


def anonymous() -> Principal:
    """Whoever calls, leaving aside whatever token came along, such as an expired one at a sign-in."""
    return Principal(ActorKind.ANONYMOUS, None, frozenset(), request_origin())
