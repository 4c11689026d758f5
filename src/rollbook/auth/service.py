"""Signing in, staying signed in, signing out."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bson import ObjectId

from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.service import Target, record
from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.errors import InvalidCredentials, InvalidRefreshToken
from rollbook.auth.schemas import LoginIn
from rollbook.kit.clock import Clock
from rollbook.kit.passwords import PasswordHasher
from rollbook.kit.transactions import in_transaction
from rollbook.limits.service import Attempts
from rollbook.limits.standing import counted_as, remembered
from rollbook.sessions import refresh_tokens
from rollbook.sessions.documents import Session
from rollbook.sessions.service import SessionService
from rollbook.signing.ring import Signer
from rollbook.users import references
from rollbook.users.dao import Credentials, users
from rollbook.users.documents import User


@dataclass(frozen=True)
class SignedIn:
    """What a client has after a sign-in or a refresh. `expires_in`: seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    user: User
    token_type: str = "Bearer"


@dataclass(frozen=True)
class AuthService:
    clock: Clock
    hasher: PasswordHasher
    attempts: Attempts
    sessions: SessionService
    tokens: AccessTokens

    def sign_in(self, login: LoginIn, *, actor: Principal) -> SignedIn:
        """Every failure is alike in what is answered and in how long it takes, whatever there is of an account.

        Raises: InvalidCredentials, TooManyRequests, LimitsUnavailable, TooBusy.
        """
        reference = references.of_login(login.email, login.username)
        password = login.password.get_secret_value()
        with self.hasher.turn() as turn:
            self.attempts.reserve(actor.origin)
            known = users.find_credentials(reference)
            welcome = self._may_try(known, reference, actor)
            matches = turn.verify(password, known.password_hash if known else None)
            proven = known if known and known.is_active and matches and welcome else None
            outdated = proven is not None and turn.is_outdated(proven.password_hash)
            fields = {"password_hash": turn.hash(password)} if outdated else {}
        signer = self.tokens.signer()
        opened = self._open(proven, fields, actor) if proven else None
        if opened is None:
            self._record_failure(known, actor)
            raise InvalidCredentials()
        self.attempts.forgive(_account(known, reference), actor.origin)
        return self._signed_in(signer, *opened)

    def refresh(self, token: str, *, actor: Principal) -> SignedIn:
        """Raises: InvalidRefreshToken, TooManyRequests, LimitsUnavailable."""
        self.attempts.reserve(actor.origin)
        now = self.clock()
        following = refresh_tokens.new(token)
        signer = self.tokens.signer()  # Before anything is written: a token that was taken must be answered.

        def write() -> tuple[User, Session, str] | None:
            session = self.sessions.rotate(token, following, actor=actor, at=now)
            user = users.find("_id", session.user_id) if session else None
            return (user, session, following) if session and user and user.is_active else None

        rotated = in_transaction(write, actor=actor)
        if rotated is None:
            raise InvalidRefreshToken()
        return self._signed_in(signer, *rotated)

    def read_me(self, *, actor: Principal) -> dict[str, Any]:
        """The caller, and what they may do. Raises: UserNotFound, when they were deleted just now."""
        user = users.get(ObjectId(actor.user_id))
        return {**user.to_mongo(), "permissions": sorted(actor.permissions)}

    def _open(self, known: Credentials, fields: dict[str, Any], actor: Principal) -> tuple[User, Session, str] | None:
        """None when the user was disabled, deleted or given another password in this instant."""
        now = self.clock()
        fields = fields | {"known_addresses": remembered(known.known_addresses, actor.origin.ip)}
        myself = replace(actor, kind=ActorKind.USER, user_id=str(known.id))

        def write() -> tuple[User, Session, str] | None:
            noted = users.note_login(known, at=now, fields=fields)
            if noted is None:
                return None
            session, token = self.sessions.open(known.id, actor=myself, at=now)
            changes = {"session": {"before": None, "after": str(session.pk)}}
            _record("auth.login_succeeded", str(known.id), myself, now, changes)
            return noted, session, token

        return in_transaction(write, actor=actor)

    def _signed_in(self, signer: Signer, user: User, session: Session, refresh_token: str) -> SignedIn:
        access_token = self.tokens.issue(signer, user_id=str(user.pk), session_id=str(session.pk))
        return SignedIn(access_token, refresh_token, int(self.tokens.lifetime.total_seconds()), user)

    def _may_try(self, known: Credentials | None, reference: references.Reference, actor: Principal) -> bool:
        """False for an account that was tried too often; its owner may go on from where they were before."""
        left = self.attempts.reserve_for(_account(known, reference), actor.origin)
        return left or (known is not None and counted_as(actor.origin.ip) in known.known_addresses)

    def _record_failure(self, known: Credentials | None, actor: Principal) -> None:
        _record("auth.login_failed", str(known.id) if known else None, actor, self.clock(), {})


def _account(known: Credentials | None, reference: references.Reference) -> str:
    return f"id:{known.id}" if known else f"{reference.field}:{reference.value}"


def _record(action: str, user_id: str | None, actor: Principal, at: datetime, changes: dict[str, Any]) -> None:
    record(action, Target("user", user_id), actor=actor, at=at, changes=changes)
