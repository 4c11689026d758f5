"""Invite people, and create the users who accept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, append_entry
from rollbook.invitations.dao import invitations
from rollbook.invitations.documents import Invitation
from rollbook.invitations.policy import is_still_granted, require_may_invite
from rollbook.invitations.schemas import AcceptanceIn, InvitationIn
from rollbook.kit.clock import Clock
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.limits.service import AttemptLimiter
from rollbook.mail.service import MailService
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.one_time_tokens.errors import InvalidOneTimeToken
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.one_time_tokens.service import OneTimeTokenService
from rollbook.roles.built_in import USER
from rollbook.roles.errors import RoleNotFound, UnknownRole
from rollbook.roles.service import RoleService
from rollbook.storage.transactions import transactional
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import EmailTaken, UsernameTaken
from rollbook.users.references import get_email_key
from rollbook.users.registration import RegistrationService
from rollbook.users.schemas import UserCreate

INVITATION = Purpose("invitation", timedelta(days=7))


@dataclass(frozen=True)
class InvitationService:
    clock: Clock
    mail: MailService
    tokens: OneTimeTokenService
    attempts: AttemptLimiter
    roles: RoleService
    registration: RegistrationService
    length_limits: Mapping[str, int]

    def invite(self, new: InvitationIn, *, actor: Principal) -> Invitation:
        """Invite the owner of an address, who may have an account.

        Raises: MailNotConfigured, Forbidden, UnknownRole, AlreadyInvited.
        """
        self.mail.require_configured()
        return self._invite(new, actor=actor)

    def list_invitations(self, request: PageRequest) -> Page[Row]:
        """List pending invitations, the latest first."""
        return invitations.list_pending(request, at=self.clock())

    def resend(self, id: str, *, actor: Principal) -> None:
        """Send another link, which replaces the last one.

        Raises: MailNotConfigured, InvitationNotFound, Forbidden.
        """
        self.mail.require_configured()
        self._resend(id, actor=actor)

    @transactional()
    def end(self, id: str, *, actor: Principal) -> None:
        """End a pending invitation. Raises: InvitationNotFound, Forbidden."""
        invitation = self._get(id, actor)
        invitations.delete(invitation.pk)
        one_time_tokens.delete_of_user(invitation.pk)
        self._audit("invitation.ended", invitation, actor, before=invitation.role)

    def describe(self, token: str) -> dict[str, Any]:
        """Describe an invitation to who has its link, which stays valid.

        Raises: InvalidOneTimeToken.
        """
        invitation = self._find(self.tokens.find(token, INVITATION.name).user_id)
        self.require_granted(invitation)
        return {**invitation.to_mongo(), "inviter": find_inviter_name(invitation)}

    def accept(self, body: AcceptanceIn, *, actor: Principal) -> User:
        """Create the user who is invited. A refused password leaves the token alive.

        Raises: InvalidOneTimeToken, PasswordRefused, TooBusy, UsernameReserved, UsernameTaken,
        EmailTaken, TooManyRequests, LimitsUnavailable.
        """
        self.attempts.count_attempt(actor.origin)
        invitation = self._find(self.tokens.find(body.token, INVITATION.name).user_id)
        name = body.name or (invitation.name or "")[: self.length_limits["name_max_length"]]
        sent = body.model_dump(exclude={"token"})
        chosen = {**sent, "name": name.strip() or None, "email": invitation.email}
        new = UserCreate.model_validate(chosen, context=self.length_limits)
        fields = self.registration.build_fields(new, actor)
        return self._accept(body.token, fields, actor=actor)

    @transactional()
    def _invite(self, new: InvitationIn, *, actor: Principal) -> Invitation:
        now, key = self.clock(), get_email_key(new.email)
        if new.role != USER:
            require_may_invite(actor, self.roles.lock_role(new.role))
        invitations.delete_expired(key, at=now)
        invitation = invitations.insert(
            Invitation(
                email=new.email,
                email_key=key,
                role=new.role,
                name=new.name,
                invited_by=_get_inviter_id(actor),
                created_at=now,
                expires_at=now + INVITATION.lifetime,
            )
        )
        self._send(invitation, actor)
        self._audit("invitation.created", invitation, actor, after=invitation.role)
        return invitation

    @transactional()
    def _resend(self, id: str, *, actor: Principal) -> None:
        invitation = self._get(id, actor)
        invitations.set_inviter(invitation.pk, _get_inviter_id(actor))
        self._send(invitation, actor)
        self._audit("invitation.resent", invitation, actor)

    def _send(self, invitation: Invitation, actor: Principal) -> None:
        self.mail.enqueue(INVITATION.name, email=invitation.email_key, actor=actor)

    @transactional()
    def _accept(self, token: str, fields: Mapping[str, Any], *, actor: Principal) -> User:
        invitation = self._find(self.tokens.find(token, INVITATION.name).user_id)
        self.require_granted(invitation, locks_role=True)
        _require_free(fields)  # Before the token is used up.
        self.tokens.take(token, INVITATION.name)
        invitations.delete(invitation.pk)
        accepted = {"role": invitation.role, "email_verified": True}
        changes = {"invitation": {"before": str(invitation.pk), "after": None}}
        return self.registration.insert({**fields, **accepted}, actor=actor, changes=changes)

    def require_granted(self, invitation: Invitation, *, locks_role: bool = False) -> None:
        """Require that the inviter could still invite to the role. Raises: InvalidOneTimeToken."""
        granted = self._find_granted(invitation.role, locks_role=locks_role)
        if invitation.invited_by is None:
            return
        inviter = users.find("_id", invitation.invited_by)
        if inviter is None or not inviter.is_active:
            raise InvalidOneTimeToken()
        held = self.roles.get_permissions(inviter.role)
        if not is_still_granted(inviter.role, held, granted):
            raise InvalidOneTimeToken()

    def _find_granted(self, role: str, *, locks_role: bool) -> frozenset[str] | None:
        """Return what a role grants; None for `user`.

        Raises: InvalidOneTimeToken, when the role is gone.
        """
        if role == USER:
            return None
        try:
            if locks_role:
                return self.roles.lock_role(role)
            return frozenset(self.roles.read_role(role)["permissions"])
        except (UnknownRole, RoleNotFound):
            raise InvalidOneTimeToken() from None

    def _get(self, id: str, actor: Principal) -> Invitation:
        """Return an invitation that `actor` could have sent.

        Raises: InvitationNotFound, Forbidden.
        """
        invitation = invitations.get_pending(id, at=self.clock())
        if invitation.role != USER:
            require_may_invite(actor, self.roles.get_permissions(invitation.role))
        return invitation

    def _find(self, id: ObjectId) -> Invitation:
        """Find the invitation of a token. Raises: InvalidOneTimeToken."""
        found = invitations.find_pending("_id", id, at=self.clock())
        if found is None:
            raise InvalidOneTimeToken()
        return found

    def _audit(
        self,
        action: str,
        invitation: Invitation,
        actor: Principal,
        *,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        """Append an entry, with the role before and after.

        It has no address, which a purge of its owner could not find.
        """
        changes = {"role": {"before": before, "after": after}} if before != after else {}
        target = Target("invitation", str(invitation.pk))
        append_entry(action, target, actor=actor, at=self.clock(), changes=changes)


def find_inviter_name(invitation: Invitation) -> str | None:
    """Return the name of who invited. None for the command line."""
    inviter = users.find("_id", invitation.invited_by) if invitation.invited_by else None
    return inviter.name if inviter else None


def _get_inviter_id(actor: Principal) -> ObjectId | None:
    return ObjectId(actor.user_id) if actor.user_id else None


def _require_free(fields: Mapping[str, Any]) -> None:
    """Require that nobody has the address or the username. Raises: EmailTaken, UsernameTaken."""
    if users.find("email_key", fields["email_key"]):
        raise EmailTaken()
    if fields.get("username_key") and users.find("username_key", fields["username_key"]):
        raise UsernameTaken()
