"""Who gets a message about an account, and what it says. The sender calls this before it sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock, render_for_people
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.mailer import Recipient
from rollbook.mail.service import MailService
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.one_time_tokens.service import Address, OneTimeTokenService
from rollbook.registrations.dao import pending_registrations
from rollbook.registrations.documents import PendingRegistration
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.pending_address import is_pending, may_become_address
from rollbook.users.references import get_email_key
from rollbook.users.registration import ADDRESS_TAKEN, REGISTRATION

Choose = Callable[[OutboxMessage, User], str | None]
"""Chooses the address of an active user that a message goes to. None when it is not wanted."""


def choose_current(message: OutboxMessage, user: User) -> str | None:
    """Choose the user's address. None when somebody asked for one that is the user's no more."""
    address: str = user.email
    return address if _get_key(message) in (None, user.email_key) else None


def choose_former(message: OutboxMessage, user: User) -> str | None:
    """Choose the address that the user had before."""
    del user
    address: str = message.email
    return address


def choose_unverified(message: OutboxMessage, user: User) -> str | None:
    """Choose the address that the user wants, or has and has not verified."""
    if is_pending(user, _get_key(message)):
        address: str = user.pending_email
        return address if may_become_address(address, user.pk) else None
    return None if user.email_verified else choose_current(message, user)


@dataclass(frozen=True)
class TokenPreparation:
    """What messages with a link have in common."""

    clock: Clock
    tokens: OneTimeTokenService
    purpose: Purpose
    link: str

    def describe(
        self, message: OutboxMessage, user_id: ObjectId, email: str, actor: Principal
    ) -> Mapping[str, Any] | None:
        """Issue or renew the token, and return the variables. None when it was used."""
        issue = self._renew if message.is_issued else self._issue
        token = issue(message, user_id, Address(email, get_email_key(email)))
        if token is None:
            return None
        if not message.is_issued:
            self._audit(user_id, actor)
        return self.purpose.describe(self.link, token)

    def _issue(self, message: OutboxMessage, user_id: ObjectId, address: Address) -> str:
        name, lifetime = self.purpose.name, self.purpose.lifetime
        return self.tokens.issue(message.nonce, user_id, name, address=address, lifetime=lifetime)

    def _renew(self, message: OutboxMessage, user_id: ObjectId, address: Address) -> str | None:
        lifetime = self.purpose.lifetime
        return self.tokens.renew(message.nonce, user_id, address=address, lifetime=lifetime)

    def _audit(self, user_id: ObjectId, actor: Principal) -> None:
        changes = {"purpose": {"before": None, "after": self.purpose.name}}
        target = Target("user", str(user_id))
        append_entry("auth.link_issued", target, actor=actor, at=self.clock(), changes=changes)


@dataclass(frozen=True)
class LinkPreparation(TokenPreparation):
    """Of a message with a link, to a user."""

    choose: Choose

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        return find_user_recipient(message, self.choose)

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        """Issue the token, or renew it for another attempt. None when it must not be sent."""
        user = find_active_user(message)
        if user is None or self.choose(message, user) != recipient.address:
            return None
        return self.describe(message, user.pk, recipient.address, actor)


@dataclass(frozen=True)
class NoticePreparation:
    """Of a message without a link. `describe` returns the variables of its template."""

    choose: Choose
    describe: Callable[[OutboxMessage], Mapping[str, Any]] = lambda _: {}

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        return find_user_recipient(message, self.choose)

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        del recipient, actor
        return self.describe(message)


def describe_sign_in(message: OutboxMessage) -> dict[str, str]:
    """Describe where and when somebody signed in.

    It leaves out the User-Agent, a text that a stranger may have written.
    """
    return {"ip": message.origin.get("ip", ""), "at": render_for_people(message.created_at)}


@dataclass(frozen=True)
class ClosureNoticePreparation:
    """Of a message to somebody whose account is disabled or deleted."""

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        return Recipient(message.user_id, message.email, None)

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        del message, recipient, actor
        return {}


@dataclass(frozen=True)
class VerificationPreparation(LinkPreparation):
    """Of a link to verify an address. A registration that waits for its link gets that again."""

    mail: MailService

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        pending = self._find_pending(message)
        return super().find_recipient(message) or (pending and describe_pending(pending))

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        pending = self._find_pending(message)
        if pending is None:
            return super().prepare(message, recipient, actor=actor)
        email = pending.fields["email"]
        self.mail.enqueue(REGISTRATION, user_id=pending.pk, email=email, actor=actor)
        return None

    def _find_pending(self, message: OutboxMessage) -> PendingRegistration | None:
        if message.user_id or find_active_user(message):
            return None
        return pending_registrations.find_latest(_get_key(message) or "", at=self.clock())


@dataclass(frozen=True)
class RegistrationPreparation(TokenPreparation):
    """Of the link that completes a registration, or what the owner of an account gets instead."""

    mail: MailService

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        pending = pending_registrations.find_live(message.user_id, at=self.clock())
        return pending and describe_pending(pending)

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        pending = pending_registrations.find_live(message.user_id, at=self.clock())
        if pending is None:
            return None
        # For each address, or its end would tell whether somebody has an account.
        until = self.clock() + self.purpose.lifetime
        pending_registrations.extend(pending.pk, until=until)
        if users.find("email_key", pending.email_key):
            self.mail.enqueue(ADDRESS_TAKEN, email=pending.email_key, actor=actor)
            return None
        if not may_become_address(recipient.address, pending.pk):
            return None
        variables = self.describe(message, pending.pk, recipient.address, actor)
        return variables and {**variables, **pending.describe()}


def find_active_user(message: OutboxMessage) -> User | None:
    """Find the active user that a message is for, by id, or by the address that was asked for."""
    field, value = ("_id", message.user_id) if message.user_id else ("email_key", _get_key(message))
    user = users.find(field, value)
    return user if user and user.is_active else None


def find_user_recipient(message: OutboxMessage, choose: Choose) -> Recipient | None:
    """Find the active user that a message is for, and the address. None when it is not wanted."""
    user = find_active_user(message)
    address = choose(message, user) if user else None
    return Recipient(user.pk, address, user.locale) if user and address else None


def describe_pending(pending: PendingRegistration) -> Recipient:
    fields = pending.fields
    return Recipient(pending.pk, fields["email"], fields.get("locale"))


def _get_key(message: OutboxMessage) -> str | None:
    return get_email_key(message.email) if message.email else None
