"""The function that turns the token of a request into its caller."""

from dataclasses import dataclass, replace

from flask import request

from rollbook.access.origin import anonymous, request_origin
from rollbook.access.permissions import EVERYTHING
from rollbook.access.principal import ActorKind, Principal
from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.dao import callers
from rollbook.auth.errors import InvalidToken
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unauthenticated
from rollbook.roles.built_in import ADMIN, permissions_of


@dataclass(frozen=True)
class Authenticator:
    """`required`: False opens the house: whoever calls may do everything, known or not."""

    clock: Clock
    tokens: AccessTokens
    required: bool

    def __call__(self) -> Principal:
        """Raises: InvalidToken, for a token that is not good; without one, the caller is anonymous."""
        if self.required:
            return self._known() if "Authorization" in request.headers else anonymous()
        try:
            return replace(self._known(), permissions=EVERYTHING, is_admin=True)
        except Unauthenticated:
            return replace(anonymous(), permissions=EVERYTHING, is_admin=True)

    def _known(self) -> Principal:
        claims = self.tokens.verify(_bearer_token())
        caller = callers.find(claims.sid, claims.sub, at=self.clock())
        if caller is None:
            raise InvalidToken()
        permissions = permissions_of(caller.role, caller.permissions)
        return Principal(
            ActorKind.USER, claims.sub, permissions, request_origin(), claims.sid, is_admin=caller.role == ADMIN
        )


def _bearer_token() -> str:
    """RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Send Authorization: Bearer, a space, and the access token.")
    return token.strip(" ")
