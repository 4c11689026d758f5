"""The authenticator for a house without sign-in: nobody is known, and everybody may do everything."""

from flask import g, request

from rollbook.access.permissions import EVERYTHING
from rollbook.access.principal import ActorKind, Origin, Principal

WARNING = "NO SIGN-IN YET: every caller may do everything. Keep it on loopback or a private network."


def authenticate() -> Principal:
    origin = Origin(request.remote_addr, request.headers.get("User-Agent"), g.get("request_id"))
    return Principal(ActorKind.ANONYMOUS, None, EVERYTHING, origin)
