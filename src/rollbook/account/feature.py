"""What this package adds to rollbook."""

from bson import ObjectId

from rollbook.account.resources import register
from rollbook.mail.dao import outbox
from rollbook.one_time_tokens.dao import one_time_tokens
from rollbook.users.documents import User
from rollbook.users.events import UserDeleted, UserPurged
from rollbook.users.registration import forget_registrations
from rollbook.web.features import Feature


def _forget(user_id: ObjectId) -> None:
    """Delete the messages and links of a user. A restored user asks for a new link."""
    outbox.delete_of_user(user_id)
    one_time_tokens.delete_of_user(user_id)


def _purge(user: User) -> None:
    """Delete what holds the id or the address of a user.

    The address of a user who was deleted before may be somebody else's by now.
    """
    _forget(user.pk)
    if not user.is_deleted:
        outbox.delete_requests_to(user.email_key)
        forget_registrations(user.email_key)


ACCOUNT = Feature(
    register=register,
    handlers={
        UserDeleted: lambda event: _forget(event.user.pk),
        UserPurged: lambda event: _purge(event.user),
    },
)
