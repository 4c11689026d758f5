"""Who gets a message about an account, and what it says. The sender calls this before it sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rollbook.access.principal import Principal
from rollbook.account.links import fill
from rollbook.account.purposes import Purpose
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.mailer import Recipient
from rollbook.one_time_tokens.service import OneTimeTokenService
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.references import get_email_key


@dataclass(frozen=True)
class LinkPreparation:
    """Of a message with a link. `is_wanted` decides by the user, who is active."""

    clock: Clock
    tokens: OneTimeTokenService
    purpose: Purpose
    link: str
    is_wanted: Callable[[User], bool] = lambda _: True

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        user = _find_user(message)
        return _describe(user) if user and self.is_wanted(user) else None

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        """Issue the token, or renew it for another attempt. None when it must not be sent."""
        user = users.find("_id", recipient.user_id)
        if user is None or user.email != recipient.address or not self.is_wanted(user):
            return None
        token = self._renew(message, user) if message.is_issued else self._issue(message, user)
        if token is None:
            return None
        if not message.is_issued:
            self._audit(user, actor)
        return {"link": fill(self.link, token), "hours": self.purpose.hours}

    def _issue(self, message: OutboxMessage, user: User) -> str:
        lifetime, key = self.purpose.lifetime, user.email_key
        name = self.purpose.name
        return self.tokens.issue(message.nonce, user.pk, name, email_key=key, lifetime=lifetime)

    def _renew(self, message: OutboxMessage, user: User) -> str | None:
        lifetime = self.purpose.lifetime
        return self.tokens.renew(message.nonce, user.pk, self.purpose.name, lifetime=lifetime)

    def _audit(self, user: User, actor: Principal) -> None:
        changes = {"purpose": {"before": None, "after": self.purpose.name}}
        target = Target("user", str(user.pk))
        append_entry("auth.link_issued", target, actor=actor, at=self.clock(), changes=changes)


@dataclass(frozen=True)
class NoticePreparation:
    """Of a message that only tells something."""

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        user = _find_user(message)
        return _describe(user) if user else None

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        del recipient, actor
        return message.variables


def _find_user(message: OutboxMessage) -> User | None:
    """Find the active user that a message is for.

    None also when the address that somebody asked for is not the user's any more.
    """
    key = get_email_key(message.email) if message.email else None
    field, value = ("_id", message.user_id) if message.user_id else ("email_key", key)
    user = users.find(field, value)
    is_current = user is not None and user.is_active and key in (None, user.email_key)
    return user if is_current else None


def _describe(user: User) -> Recipient:
    return Recipient(user.pk, user.email, user.locale)
