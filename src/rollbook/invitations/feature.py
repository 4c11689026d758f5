"""What this package adds to rollbook."""

from rollbook.invitations.dao import invitations
from rollbook.invitations.documents import Invitation
from rollbook.invitations.preparation import INVITATION_KNOWN
from rollbook.invitations.resources import register
from rollbook.invitations.service import INVITATION
from rollbook.mail.dao import outbox
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.users.events import UserPurged
from rollbook.web.features import Feature

KINDS = (INVITATION.name, INVITATION_KNOWN)


def _purge(event: UserPurged) -> None:
    """End the invitations by a user, and the one to their address.

    That of a user who was deleted before may be somebody else's by now.
    """
    user = event.user
    email_key = None if user.is_deleted else user.email_key
    for invitation in invitations.delete_about(user.pk, email_key):
        one_time_tokens.delete_of_user(invitation.pk)
        outbox.delete_requests_to(invitation.email_key, *KINDS)


INVITATIONS = Feature(documents=(Invitation,), register=register, handlers={UserPurged: _purge})
