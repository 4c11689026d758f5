"""Sign in, and refresh a session."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bson import ObjectId

from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.service import Target, append_entry
from rollbook.auth.access_tokens import AccessTokens
from rollbook.auth.errors import EmailUnverified, InvalidCredentials, InvalidRefreshToken
from rollbook.auth.events import SignedInElsewhere
from rollbook.auth.schemas import LoginIn
from rollbook.auth.token_claims import TokenClaims
from rollbook.kit import metrics
from rollbook.kit.clock import Clock
from rollbook.kit.events import Events
from rollbook.limits.limit_status import get_client_key, remember_address
from rollbook.limits.service import AttemptLimiter
from rollbook.passwords.hash_gate import HashGate
from rollbook.passwords.hashing import PasswordHasher
from rollbook.registrations.dao import pending_registrations
from rollbook.sessions.documents import Session
from rollbook.sessions.service import SessionService
from rollbook.signing.keys import Signer
from rollbook.storage.transactions import transactional
from rollbook.users.credentials import Credentials
from rollbook.users.dao import VISIBLE, users
from rollbook.users.documents import User
from rollbook.users.errors import UserNotFound
from rollbook.users.known_devices import remember_device
from rollbook.users.references import Reference, get_login_reference


@dataclass(frozen=True)
class SignedIn:
    """The result of a sign-in or a refresh. `expires_in` is in seconds.

    `refresh_token` is None in the response when it is sent as a cookie.
    """

    access_token: str
    refresh_token: str | None
    expires_in: int
    user: User
    session_id: str
    token_type: str = "Bearer"


Started = tuple[User, Session, str, Mapping[str, Any]]
"""A user, a session, its refresh token, and the claims about the user."""


@dataclass(frozen=True)
class AuthService:
    clock: Clock
    gate: HashGate
    attempts: AttemptLimiter
    sessions: SessionService
    tokens: AccessTokens
    claims: TokenClaims
    events: Events
    requires_verified: bool

    def sign_in(self, login: LoginIn, *, actor: Principal) -> SignedIn:
        """Sign a user in.

        Every failure gets the same response in the same time, whether the account exists or not.

        Raises: InvalidCredentials, EmailUnverified, TooManyRequests, LimitsUnavailable, TooBusy.
        """
        with metrics.count_result(metrics.sign_ins()):
            return self._sign_in(login, actor)

    def _sign_in(self, login: LoginIn, actor: Principal) -> SignedIn:
        reference = get_login_reference(login.email, login.username)
        password = login.password.get_secret_value()
        with self.gate.enter() as hasher:
            self.attempts.count_attempt(actor.origin)
            known = users.find_credentials(reference)
            allowed = self._is_attempt_allowed(known, reference, actor)
            matches = hasher.verify(password, known.password_hash if known else None)
            proven = known if known and known.is_active and matches and allowed else None
            waiting = None if matches else self._find_waiting(reference, password, hasher, actor)
            outdated = proven is not None and hasher.is_outdated(proven.password_hash)
            fields = {"password_hash": hasher.hash(password)} if outdated else {}
        if self.requires_verified and proven and not proven.email_verified:
            self._refuse_unverified(proven.id, actor)
        if waiting:
            self._refuse_unverified(waiting, actor)
        signer = self.tokens.get_signer()
        started = self.start_session(proven, fields, actor=actor) if proven else None
        if started is None:
            _audit("auth.login_failed", str(known.id) if known else None, actor, self.clock())
            raise InvalidCredentials()
        self.attempts.reset_account(_get_account(known, reference), actor.origin)
        return self.issue_tokens(signer, *started)

    def _find_waiting(
        self, reference: Reference, password: str, hasher: PasswordHasher, actor: Principal
    ) -> ObjectId | None:
        """Find the latest registration of an address that waits, if this is its password.

        It is counted and compared whether the address has an account or not, so that neither the
        response nor its time tells which.
        """
        if not self.requires_verified or reference.field != "email_key":
            return None
        key = str(reference.value)
        allowed = self.attempts.count_account_attempt(f"registration:{key}", actor.origin)
        pending = pending_registrations.find_latest(key, at=self.clock())
        matches = pending and hasher.verify(password, pending.fields["password_hash"])
        return pending.pk if pending and matches and allowed else None

    def _refuse_unverified(self, id: ObjectId, actor: Principal) -> None:
        """Refuse a sign-in with the right password. Raises: EmailUnverified."""
        changes = {"reason": {"before": None, "after": EmailUnverified.code}}
        _audit("auth.login_failed", str(id), actor, self.clock(), changes)
        raise EmailUnverified()

    def refresh(self, token: str, *, actor: Principal) -> SignedIn:
        """Exchange a refresh token for new tokens.

        Refreshes are counted for each session, and unknown tokens for each client address.

        Raises: InvalidRefreshToken, TooManyRequests, LimitsUnavailable.
        """
        session = self._get_session(token, actor)
        self.attempts.count_refresh(str(session.pk))
        signer = self.tokens.get_signer()  # Before the token is used up, since it may fail.
        rotated = self._rotate(token, actor=actor)
        if rotated is None:
            raise InvalidRefreshToken()
        return self.issue_tokens(signer, *rotated)

    def sign_out(self, token: str, *, actor: Principal) -> None:
        """End the session of a refresh token.

        Raises: InvalidRefreshToken, SessionNotFound, TooManyRequests, LimitsUnavailable.
        """
        session = self._get_session(token, actor)
        owner = replace(actor, kind=ActorKind.USER, user_id=str(session.user_id))
        self.sessions.end_session(str(session.pk), user_id=session.user_id, actor=owner)

    def read_me(self, *, actor: Principal) -> dict[str, Any]:
        """Return the caller and their permissions.

        Raises: UserNotFound, when the caller was just deleted.
        """
        user = users.find_row("_id", ObjectId(actor.user_id), VISIBLE)
        if user is None:
            raise UserNotFound()
        return {**user, "permissions": sorted(actor.permissions | actor.described_permissions)}

    def _get_session(self, token: str, actor: Principal) -> Session:
        """Find the session of a refresh token, valid or used. An unknown one is an attempt.

        No token, as of a browser without the cookie, is none.
        """
        if not token:
            raise InvalidRefreshToken()
        session = self.sessions.find_by_token(token)
        if session is None:
            self.attempts.count_attempt(actor.origin)
            raise InvalidRefreshToken()
        return session

    @transactional()
    def start_session(
        self,
        known: Credentials,
        fields: Mapping[str, Any],
        *,
        actor: Principal,
        changes: Mapping[str, Any] | None = None,
    ) -> Started | None:
        """Start a session of a user who has proven who they are. The audit entry has `changes`.

        None when the user was disabled, deleted or given another password meanwhile.
        """
        now = self.clock()
        fields = {
            **fields,
            "known_addresses": remember_address(known.known_addresses, actor.origin.ip),
            "known_devices": remember_device(known.known_devices, actor.origin.user_agent),
        }
        owner = replace(actor, kind=ActorKind.USER, user_id=str(known.id))
        user = users.record_login(known, at=now, fields=fields)
        if user is None:
            return None
        session, token = self.sessions.start_session(known.id, actor=owner, at=now)
        described = {"session": {"before": None, "after": str(session.pk)}, **(changes or {})}
        _audit("auth.login_succeeded", str(known.id), owner, now, described)
        if known.is_elsewhere(actor.origin):
            self.events.publish(SignedInElsewhere(user, actor))
        return user, session, token, self.claims.build(user)

    @transactional()
    def _rotate(self, token: str, *, actor: Principal) -> Started | None:
        rotated = self.sessions.rotate_token(token, actor=actor, at=self.clock())
        if rotated is None:
            return None
        session, successor = rotated
        user = users.find("_id", session.user_id)
        if user is None or not user.is_active:
            return None
        return user, session, successor, self.claims.build(user)

    def issue_tokens(
        self,
        signer: Signer,
        user: User,
        session: Session,
        refresh_token: str,
        about: Mapping[str, Any],
    ) -> SignedIn:
        """Issue the tokens of a session that has started, after its commit."""
        ids = {"user_id": str(user.pk), "session_id": str(session.pk)}
        access_token = self.tokens.issue(signer, **ids, about=about)
        expires_in = int(self.tokens.lifetime.total_seconds())
        return SignedIn(access_token, refresh_token, expires_in, user, ids["session_id"])

    def _is_attempt_allowed(
        self, known: Credentials | None, reference: Reference, actor: Principal
    ) -> bool:
        """Count the attempt, and return whether it is allowed.

        False for an account with too many attempts, except at an address of its owner.
        """
        account = _get_account(known, reference)
        allowed = self.attempts.count_account_attempt(account, actor.origin)
        key = get_client_key(actor.origin.ip)
        return allowed or (known is not None and key in known.known_addresses)


def _get_account(known: Credentials | None, reference: Reference) -> str:
    return f"id:{known.id}" if known else f"{reference.field}:{reference.value}"


def _audit(
    action: str,
    user_id: str | None,
    actor: Principal,
    at: datetime,
    changes: Mapping[str, Any] | None = None,
) -> None:
    target = Target("user", user_id)
    append_entry(action, target, actor=actor, at=at, changes=changes or {})
