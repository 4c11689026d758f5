"""Who gets a message about an account, and what it says. The sender calls this before it sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from rollbook.access.principal import Principal
from rollbook.account.links import fill
from rollbook.account.purposes import Purpose
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.mailer import Recipient
from rollbook.one_time_tokens.service import Address, OneTimeTokenService
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.references import get_email_key
from rollbook.users.registration import RegistrationService


@dataclass(frozen=True)
class LinkPreparation:
    """Of a message with a link. `is_wanted` decides by the user, who is active."""

    clock: Clock
    tokens: OneTimeTokenService
    purpose: Purpose
    link: str
    is_wanted: Callable[[User], bool] = lambda _: True

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        user = self._find(message)
        return _describe(user, self._get_address(message, user)) if user else None

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        """Issue the token, or renew it for another attempt. None when it must not be sent."""
        user = self._find(message)
        if user is None or self._get_address(message, user) != recipient.address:
            return None
        issue = self._renew if message.is_issued else self._issue
        address = Address(recipient.address, get_email_key(recipient.address))
        token = issue(message, user.pk, address)
        if token is None:
            return None
        if not message.is_issued:
            self._audit(user, actor)
        return self.purpose.describe(fill(self.link, token))

    def _find(self, message: OutboxMessage) -> User | None:
        user = _find_user(message, to_former=self.purpose.to_former)
        return user if user and self.is_wanted(user) else None

    def _get_address(self, message: OutboxMessage, user: User) -> str:
        address: str = message.email if self.purpose.to_former else user.email
        return address

    def _issue(self, message: OutboxMessage, user_id: ObjectId, address: Address) -> str:
        name, lifetime = self.purpose.name, self.purpose.lifetime
        return self.tokens.issue(message.nonce, user_id, name, address=address, lifetime=lifetime)

    def _renew(self, message: OutboxMessage, user_id: ObjectId, address: Address) -> str | None:
        lifetime = self.purpose.lifetime
        return self.tokens.renew(message.nonce, user_id, address=address, lifetime=lifetime)

    def _audit(self, user: User, actor: Principal) -> None:
        changes = {"purpose": {"before": None, "after": self.purpose.name}}
        target = Target("user", str(user.pk))
        append_entry("auth.link_issued", target, actor=actor, at=self.clock(), changes=changes)


@dataclass(frozen=True)
class NoticePreparation:
    """Of a message without a link. `to_former`: to the address that the user had before."""

    to_former: bool = True

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        user = _find_user(message, to_former=self.to_former)
        if user is None:
            return None
        return _describe(user, message.email if self.to_former else user.email)

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        del message, recipient, actor
        return {}


@dataclass(frozen=True)
class RegistrationPreparation:
    """Of a registration, which is no message: its user is created instead."""

    registration: RegistrationService

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        return Recipient(None, message.email, None)

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        del recipient
        self.registration.complete(message.payload, actor=actor)
        return None


def _find_user(message: OutboxMessage, *, to_former: bool) -> User | None:
    """Find the active user that a message is for.

    None also when the address that somebody asked for is not the user's any more.
    """
    key = get_email_key(message.email) if message.email else None
    field, value = ("_id", message.user_id) if message.user_id else ("email_key", key)
    user = users.find(field, value)
    if user is None or not user.is_active:
        return None
    return user if to_former or key in (None, user.email_key) else None


def _describe(user: User, address: str) -> Recipient:
    return Recipient(user.pk, address, user.locale)
