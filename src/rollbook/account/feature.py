"""What this package adds to rollbook."""

from rollbook.account.notices import forget_user
from rollbook.account.resources import register
from rollbook.mail.dao import outbox
from rollbook.users.documents import User
from rollbook.users.events import UserPurged
from rollbook.users.registration import forget_registrations
from rollbook.web.features import Feature


def _purge(user: User) -> None:
    """Delete what holds the id or the address of a user.

    The address of a user who was deleted before may be somebody else's by now.
    """
    forget_user(user.pk)
    if not user.is_deleted:
        outbox.delete_requests_to(user.email_key)
        forget_registrations(user.email_key)


ACCOUNT = Feature(
    register=register,
    handlers={
        UserPurged: lambda event: _purge(event.user),
    },
)
