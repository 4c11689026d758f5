"""What the message of an invitation says. The sender calls this before it sends."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bson import ObjectId

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, append_entry
from rollbook.invitations.dao import invitations
from rollbook.invitations.documents import Invitation
from rollbook.invitations.service import INVITATION, InvitationService, find_inviter_name
from rollbook.kit.clock import Clock
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.mailer import Recipient
from rollbook.one_time_tokens.errors import InvalidOneTimeToken
from rollbook.one_time_tokens.service import Address, OneTimeTokenService
from rollbook.users.dao import users

INVITATION_KNOWN = "invitation_known"
"""The message for somebody who has an account."""


@dataclass(frozen=True)
class InvitationPreparation:
    clock: Clock
    tokens: OneTimeTokenService
    link: str
    invitations: InvitationService

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        invitation = self._find(message)
        return Recipient(None, invitation.email, None) if invitation else None

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        """Issue the token, or renew it for another attempt. None when it must not be sent."""
        del recipient
        invitation = self._find(message)
        if invitation is None:
            return None
        # For each address, or its end would tell the inviter whether somebody has an account.
        invitations.extend(invitation.pk, until=self.clock() + INVITATION.lifetime)
        if users.find("email_key", invitation.email_key):
            self.invitations.mail.enqueue(INVITATION_KNOWN, email=invitation.email_key, actor=actor)
            return None
        address = Address(invitation.email, invitation.email_key)
        issue = self._renew if message.is_issued else self._issue
        token = issue(message.nonce, invitation.pk, address)
        if token is None:
            return None
        if not message.is_issued:
            changes = {"purpose": {"before": None, "after": INVITATION.name}}
            target = Target("invitation", str(invitation.pk))
            append_entry("auth.link_issued", target, actor=actor, at=self.clock(), changes=changes)
        inviter = find_inviter_name(invitation)
        return {**INVITATION.describe(self.link, token), "inviter": inviter}

    def _find(self, message: OutboxMessage) -> Invitation | None:
        """Find the invitation, if it could still be accepted."""
        found = invitations.find_pending("email_key", message.email, at=self.clock())
        with suppress(InvalidOneTimeToken):
            if found:
                self.invitations.require_granted(found)
                return found
        return None

    def _issue(self, nonce: str, id: ObjectId, address: Address) -> str:
        name, lifetime = INVITATION.name, INVITATION.lifetime
        return self.tokens.issue(nonce, id, name, address=address, lifetime=lifetime)

    def _renew(self, nonce: str, id: ObjectId, address: Address) -> str | None:
        return self.tokens.renew(nonce, id, address=address, lifetime=INVITATION.lifetime)
