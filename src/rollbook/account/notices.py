"""Messages that tell users what happened to their account. They commit with the change."""

from collections.abc import Set
from dataclasses import dataclass

from bson import ObjectId

from rollbook.access.principal import Principal
from rollbook.account.purposes import (
    ACCOUNT_DELETED,
    ACCOUNT_DISABLED,
    EMAIL_CHANGED,
    EMAIL_UNDO,
    NEW_SIGN_IN,
    PASSWORD_CHANGED,
    PASSWORD_RESET,
    VERIFICATION,
)
from rollbook.auth.events import SignedInElsewhere
from rollbook.kit.events import Handlers
from rollbook.mail.dao import outbox
from rollbook.mail.service import MailService
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.users import policy
from rollbook.users.documents import User
from rollbook.users.events import AddressPending, UserChanged, UserCreated, UserDeleted


@dataclass(frozen=True)
class Notices:
    """`silenced`: the kinds of messages that are switched off."""

    mail: MailService
    silenced: Set[str]

    @property
    def handlers(self) -> Handlers:
        return {
            UserCreated: self._handle_created,
            UserChanged: lambda event: self.tell(event.before, event.after, event.actor),
            AddressPending: self._handle_pending,
            SignedInElsewhere: self._handle_sign_in,
            UserDeleted: self._handle_deleted,
        }

    def tell(self, before: User, after: User, actor: Principal) -> None:
        """Tell a user what `actor` has changed."""
        if before.email_key != after.email_key:
            self._tell_addresses(before, after, actor)
        has_new_password = before.password_hash != after.password_hash
        if has_new_password or not after.is_active:
            _end_resets(after)
        if has_new_password:
            self._enqueue(PASSWORD_CHANGED, after, before.email, actor)
        if before.is_active and not after.is_active:
            self._notify_of_closure(ACCOUNT_DISABLED, after, actor)

    def _tell_addresses(self, before: User, after: User, actor: Principal) -> None:
        """Tell the former address, with a link to put it back if the owner changed it.

        One that was never verified may be a stranger's, who must not get the account.
        """
        if not after.email_verified:
            self._send_verification(after, actor)
        if before.email_verified:
            kind = EMAIL_UNDO.name if policy.is_own(actor, after) else EMAIL_CHANGED
            self._enqueue(kind, after, before.email, actor)

    def _handle_created(self, event: UserCreated) -> None:
        if not event.user.email_verified and not event.is_imported:
            self._send_verification(event.user, event.actor)

    def _handle_pending(self, event: AddressPending) -> None:
        self._enqueue(VERIFICATION.name, event.user, event.user.pending_email, event.actor)

    def _handle_sign_in(self, event: SignedInElsewhere) -> None:
        self._enqueue(NEW_SIGN_IN, event.user, event.user.email, event.actor)

    def _handle_deleted(self, event: UserDeleted) -> None:
        """Tell the owner, also at a former address: a thief may have changed it just before."""
        user = event.user
        former = one_time_tokens.list_addresses(user.pk, EMAIL_UNDO.name, at=self.mail.clock())
        former |= outbox.list_waiting_addresses(user.pk, EMAIL_UNDO.name, EMAIL_CHANGED)
        forget_user(user.pk)
        self._notify_of_closure(ACCOUNT_DELETED, user, event.actor)
        for address in sorted(former - {user.email}):
            self._enqueue_closure(ACCOUNT_DELETED, user, address, event.actor)

    def _notify_of_closure(self, kind: str, user: User, actor: Principal) -> None:
        """Tell a user. An address that was never verified may be a stranger's."""
        if user.email_verified:
            self._enqueue_closure(kind, user, user.email, actor)

    def _enqueue_closure(self, kind: str, user: User, address: str, actor: Principal) -> None:
        """Enqueue a message for a user who cannot be found when it is sent."""
        if kind not in self.silenced:
            about = {"user_id": user.pk, "email": address, "locale": user.locale}
            self.mail.enqueue(kind, **about, actor=actor)

    def _send_verification(self, user: User, actor: Principal) -> None:
        if user.is_active:
            self._enqueue(VERIFICATION.name, user, None, actor)

    def _enqueue(self, kind: str, user: User, address: str | None, actor: Principal) -> None:
        if kind not in self.silenced:
            self.mail.enqueue(kind, user_id=user.pk, email=address, actor=actor)


def forget_user(user_id: ObjectId) -> None:
    """Delete the messages and links of a user. A restored user asks for a new link."""
    outbox.delete_of_user(user_id)
    one_time_tokens.delete_of_user(user_id)


def _end_resets(user: User) -> None:
    """End the links to set a password: somebody else may have asked for one."""
    one_time_tokens.delete_of_purpose(user.pk, PASSWORD_RESET.name)
    outbox.delete_waiting(user.pk, PASSWORD_RESET.name)
    outbox.delete_requests_to(user.email_key, PASSWORD_RESET.name)
