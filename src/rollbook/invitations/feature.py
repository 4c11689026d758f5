"""What this package adds to rollbook."""

from rollbook.invitations.dao import invitations
from rollbook.invitations.documents import Invitation
from rollbook.invitations.resources import register
from rollbook.users.events import UserPurged
from rollbook.web.features import Feature

INVITATIONS = Feature(
    documents=(Invitation,),
    register=register,
    handlers={UserPurged: lambda event: invitations.delete_of_inviter(event.user_id)},
)
