"""The function that turns the token of a request into its caller."""

from dataclasses import dataclass, replace

from flask import request

from rollbook.access.origin import anonymous, request_origin
from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.access.principal import ActorKind, Principal, RightsChanged
from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.dao import Caller, callers
from rollbook.auth.errors import InvalidToken
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unauthenticated
from rollbook.locks.dao import locks, of_role, of_user
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
            return replace(self._known(), permissions=EVERYTHING, is_admin=True, warrant=None)
        except Unauthenticated:
            return replace(anonymous(), permissions=EVERYTHING, is_admin=True)

    def _known(self) -> Principal:
        claims = self.tokens.verify(_bearer_token())
        caller = self._find(claims.sid, claims.sub)
        return Principal(
            ActorKind.USER,
            claims.sub,
            _permissions_of(caller),
            request_origin(),
            claims.sid,
            is_admin=caller.role == ADMIN,
            warrant=self._confirm,
        )

    def _find(self, session_id: str, user_id: str) -> Caller:
        caller = callers.find(session_id, user_id, at=self.clock())
        if caller is None:
            raise InvalidToken()
        return caller

    def _confirm(self, principal: Principal) -> None:
        """Inside a transaction: the session lives, the user is active, and no permission is lost.

        What was read is locked until the transaction ends. The role of admins, and one that allows nothing, has
        nothing that could be taken from it. Raises: InvalidToken, RightsChanged, TryAgain.
        """
        caller = self._find(str(principal.session_id), str(principal.user_id))
        permissions = _permissions_of(caller)
        if not principal.permissions <= permissions or (principal.is_admin and caller.role != ADMIN):
            raise RightsChanged()
        has_more_to_lose = permissions and caller.role != ADMIN
        locks.share([of_user(principal.user_id), *([of_role(caller.role)] if has_more_to_lose else [])])


def _permissions_of(caller: Caller) -> frozenset[Permission]:
    return permissions_of(caller.role, caller.permissions)


def _bearer_token() -> str:
    """RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("Send Authorization: Bearer, a space, and the access token.")
    return token.strip(" ")
