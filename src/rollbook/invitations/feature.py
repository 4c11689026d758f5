"""What this package adds to rollbook."""

from rollbook.invitations.dao import invitations
from rollbook.invitations.documents import Invitation
from rollbook.invitations.resources import register
from rollbook.mail.dao import outbox
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.users.events import UserPurged
from rollbook.web.features import Feature


def _purge(event: UserPurged) -> None:
    """End the invitations by a user, and the one to their address."""
    for invitation in invitations.delete_about(event.user.pk, event.user.email_key):
        one_time_tokens.delete_of_user(invitation.pk)
        outbox.delete_to(invitation.email)


INVITATIONS = Feature(documents=(Invitation,), register=register, handlers={UserPurged: _purge})
