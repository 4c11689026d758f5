"""Turn the access token of a request into its caller."""

from dataclasses import dataclass, replace
from typing import Any

from flask import request

from rollbook.access.client_address import get_anonymous_principal, get_origin
from rollbook.access.permissions import EVERYTHING
from rollbook.access.principal import ActorKind, Principal, RightsChanged
from rollbook.auth.access_tokens import AccessTokens, Claims
from rollbook.auth.callers import Caller, Callers, find_caller
from rollbook.auth.errors import InvalidToken
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unauthenticated
from rollbook.locks.dao import locks, role_lock, user_lock
from rollbook.roles.built_in import ADMIN


@dataclass(frozen=True)
class Authenticator:
    """`required`: False lets every caller do everything, signed in or not."""

    clock: Clock
    tokens: AccessTokens
    callers: Callers
    required: bool

    def __call__(self) -> Principal:
        """Authenticate the caller, who is anonymous without a token.

        Raises: Unauthenticated, InvalidToken.
        """
        if self.required:
            if "Authorization" in request.headers:
                return self._authenticate()
            return get_anonymous_principal()
        try:
            known = self._authenticate()
            return replace(known, permissions=EVERYTHING, is_admin=True, warrant=None)
        except Unauthenticated:
            return replace(get_anonymous_principal(), permissions=EVERYTHING, is_admin=True)

    def introspect(self, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the claims of a valid token, and the role and permissions of its user now.

        Raises: Unauthenticated.
        """
        claims = self.tokens.verify(token)
        caller = self._get_caller(claims)
        registered = ("iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti")
        scope = " ".join(sorted(caller.described_permissions))
        about = {"scope": scope, "role": caller.role, "token_type": "Bearer"}
        return {name: getattr(claims, name) for name in registered}, about

    def _authenticate(self) -> Principal:
        claims = self.tokens.verify(_get_bearer_token())
        caller = self._get_caller(claims)
        return Principal(
            ActorKind.USER,
            claims.sub,
            caller.permissions,
            get_origin(),
            claims.sid,
            is_admin=caller.role == ADMIN,
            limits=caller.limits,
            described_permissions=caller.described_permissions,
            warrant=self._confirm,
        )

    def _get_caller(self, claims: Claims) -> Caller:
        caller = self.callers.find(claims.sid, claims.sub, at=self.clock())
        if caller is None:
            raise InvalidToken()
        return caller

    def _confirm(self, principal: Principal) -> None:
        """Check inside a transaction that no right has been lost, and lock what was read.

        It reads what is stored, never what is in memory. The permissions of an admin, and those of
        a role without any, cannot be taken away, so their role is not locked.

        Raises: InvalidToken, RightsChanged, RetryTransaction.
        """
        session_id, user_id = str(principal.session_id), str(principal.user_id)
        caller = find_caller(session_id, user_id, at=self.clock())
        if caller is None:
            raise InvalidToken()
        lost_admin = principal.is_admin and caller.role != ADMIN
        if not principal.permissions <= caller.permissions or lost_admin:
            raise RightsChanged()
        names = [user_lock(principal.user_id)]
        if caller.permissions and caller.role != ADMIN:
            names.append(role_lock(caller.role))
        locks.acquire_shared(names)


def _get_bearer_token() -> str:
    """Return the token (RFC 6750 §2.1). The scheme is case-insensitive (RFC 9110 §11.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Send `Authorization: Bearer <access token>`.")
    return token.strip(" ")
