"""Verify an address, and recover a password, by links in messages.

A request for a link does the same for every address: it stores a message. The sender looks for the
account afterwards, so neither the response nor its time tells who has one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from rollbook.access.principal import ActorKind, Principal
from rollbook.account.link_requests import LinkRequests
from rollbook.account.purposes import (
    EMAIL_UNDO,
    PASSWORD_RESET,
    PURPOSES,
    VERIFICATION,
)
from rollbook.account.token_owners import get_active_user, get_claimant, get_owner
from rollbook.kit.clock import Clock
from rollbook.limits.service import AttemptLimiter
from rollbook.mail.dao import outbox
from rollbook.mail.service import MailService
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.one_time_tokens.documents import OneTimeToken
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.one_time_tokens.service import OneTimeTokenService
from rollbook.registrations.dao import pending_registrations
from rollbook.registrations.documents import PendingRegistration
from rollbook.sessions.service import SessionService
from rollbook.storage.transactions import transactional
from rollbook.users import policy, stored_fields
from rollbook.users.authorization import audit_user_change
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import UsernameTaken
from rollbook.users.registration import (
    RegistrationService,
    forget_registrations,
    refuse_lookalike,
    require_free_address,
)

Notify = Callable[[User, User, Principal], None]


@dataclass(frozen=True)
class Link:
    """What a page shows of a link: the address that it went to, and the language of the user.

    `registered`: of a registration, when and from where it was made.
    """

    address: str
    locale: str | None
    registered: Mapping[str, str] | None = None


@dataclass(frozen=True)
class AccountService:
    clock: Clock
    mail: MailService
    requests: LinkRequests
    tokens: OneTimeTokenService
    attempts: AttemptLimiter
    registration: RegistrationService
    sessions: SessionService
    notify: Notify

    def request_verification(self, email: str, *, actor: Principal) -> None:
        """Send a link to an address that is not verified, if a user has it.

        Raises: MailNotConfigured, TooManyRequests, LimitsUnavailable.
        """
        self.requests.request(VERIFICATION, "auth.verification_requested", email, actor=actor)

    def verify(self, token: str, *, actor: Principal) -> User:
        """Verify the address that a link went to.

        A pending address becomes the user's, and a registration that waits becomes a user.

        Raises: InvalidOneTimeToken, EmailTaken, EmailLookalike, RegistrationClosed,
        TooManyRequests, LimitsUnavailable.
        """
        self.attempts.count_attempt(actor.origin)
        try:
            return self._verify(token, actor=actor)
        except UsernameTaken:  # Since this instant. It is left out now.
            return self._verify(token, actor=actor)

    def request_reset(self, email: str, *, actor: Principal) -> None:
        """Send a link to set a new password, if an active user has the address.

        Raises: MailNotConfigured, TooManyRequests, LimitsUnavailable.
        """
        self.requests.request(PASSWORD_RESET, "auth.password_forgotten", email, actor=actor)

    def reset_password(self, token: str, password: SecretStr, *, actor: Principal) -> User:
        """Set a new password, verify the address, and end all sessions.

        A refused password leaves the token alive.

        Raises: InvalidOneTimeToken, PasswordRefused, TooBusy, TooManyRequests, LimitsUnavailable.
        """
        self.attempts.count_attempt(actor.origin)
        user = get_owner(self.tokens.find(token, PASSWORD_RESET.name))
        text = password.get_secret_value()
        personal = [getattr(user, name) for name in policy.IDENTIFYING_FIELDS]
        passwords = self.registration.passwords
        passwords.check_policy(text, personal)
        passwords.check_not_breached(text)
        with passwords.gate.enter(yields_last_place=True) as hasher:
            fields = {"password_hash": hasher.hash(text), "pending_email": None}
        return self._reset(token, fields, actor=actor)

    def undo_email(self, token: str, *, actor: Principal) -> User:
        """Put the address back that a link went to, end all sessions, and send a reset.

        Links that were issued later end too, and those that wait: they may be in the wrong hands.

        Raises: InvalidOneTimeToken, EmailTaken, TooManyRequests, LimitsUnavailable.
        """
        self.attempts.count_attempt(actor.origin)
        return self._undo_email(token, actor=actor)

    def find_link(self, token: str, purpose: Purpose) -> Link:
        """Return what is known of a link, which stays valid. Raises: InvalidOneTimeToken."""
        found = self.tokens.find(token, purpose.name)
        pending = self._find_pending(found)
        if pending:
            return Link(found.email, pending.fields.get("locale"), pending.describe())
        user = FINDERS.get(purpose, get_owner)(found)
        return Link(found.email, user.locale)

    @transactional()
    def _verify(self, token: str, *, actor: Principal) -> User:
        found = self.tokens.find(token, VERIFICATION.name)
        pending = self._find_pending(found)
        if pending:
            return self._complete(pending, token, actor)
        user, fields = get_claimant(found), {}
        if user.email_key != found.email_key:
            require_free_address(found.email_key)  # Before the token is used up.
            refuse_lookalike(found.email, besides=user.pk)
            fields = _build_address(user, found.email)
        self.tokens.take(token, VERIFICATION.name)
        return self._change(user, fields, "user.email_verified", actor)

    def _complete(self, pending: PendingRegistration, token: str, actor: Principal) -> User:
        """Create the user of a registration, and end all registrations of the address."""
        user = self.registration.complete(pending, actor=actor)
        self.tokens.take(token, VERIFICATION.name)
        forget_registrations(pending.email_key)
        return user

    def _find_pending(self, found: OneTimeToken) -> PendingRegistration | None:
        """Find the registration that a link completes. None for a link of a user."""
        return pending_registrations.find_live(found.user_id, at=self.clock())

    @transactional()
    def _reset(self, token: str, fields: Mapping[str, Any], *, actor: Principal) -> User:
        user = get_owner(self.tokens.take(token, PASSWORD_RESET.name))
        changed = self._change(user, fields, "user.password_reset", actor)
        self.sessions.delete_sessions(user.pk)
        return changed

    @transactional()
    def _undo_email(self, token: str, *, actor: Principal) -> User:
        taken = self.tokens.find(token, EMAIL_UNDO.name)
        user = get_active_user(taken)
        if user.email_key != taken.email_key:
            require_free_address(taken.email_key)  # Before the token is used up.
        self.tokens.take(token, EMAIL_UNDO.name)
        changed = self._write(user, _build_address(user, taken.email), "user.email_restored", actor)
        self.sessions.delete_sessions(user.pk)
        one_time_tokens.delete_of_user(user.pk, since=taken.created_at)
        outbox.delete_waiting(user.pk, *(purpose.name for purpose in PURPOSES))
        self.mail.enqueue(PASSWORD_RESET.name, user_id=user.pk, actor=actor)
        return changed

    def _change(self, user: User, fields: Mapping[str, Any], action: str, actor: Principal) -> User:
        """Change what the owner of a link may change, and tell the user."""
        changed = self._write(user, fields, action, actor)
        self.notify(user, changed, _as_owner(user, actor))
        return changed

    def _write(self, user: User, fields: Mapping[str, Any], action: str, actor: Principal) -> User:
        """Write a change of the owner of a link, who thereby proves to own the address."""
        now = self.clock()
        is_new = "email_key" in fields or not user.email_verified
        verified = {"email_verified": True} if is_new else {}
        stored = {**fields, **stored_fields.build_verification(verified, now)}
        changed = users.update_from(user, at=now, fields=stored) if stored else user
        changes = policy.describe_changes(user, changed)
        audit_user_change(action, changed, changes, _as_owner(user, actor), now)
        return changed


FINDERS = {EMAIL_UNDO: get_active_user, VERIFICATION: get_claimant}
"""Purpose → how to find the user of a token, where it may have gone to another address."""


def _build_address(user: User, email: str) -> dict[str, Any]:
    fields = stored_fields.build_stored_fields({"email": email})
    return {**fields, **stored_fields.build_search_fields(user, fields), "pending_email": None}


def _as_owner(user: User, actor: Principal) -> Principal:
    return replace(actor, kind=ActorKind.USER, user_id=str(user.pk))
