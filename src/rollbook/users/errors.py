"""Errors about users."""

from collections.abc import Iterable
from typing import Self

from rollbook.kit.errors import Conflict, Detail, Forbidden, NotFound, ValidationFailed


class UserNotFound(NotFound):
    """No user has this id, e-mail address, username or external id."""

    code, message = "user_not_found", "There is no such user."


class TooBroad(ValidationFailed):
    """More than 10,000 users match `q`: too many to sort by name, username or e-mail address."""

    code = "too_broad"
    message = "Too many matches to sort. Use a longer word, or leave out sort."
    details = (Detail("q", "too_broad", "Use a longer word, or leave out sort."),)


class EmailTaken(Conflict):
    """Another user has this e-mail address, in any spelling."""

    code, message = "email_taken", "Another user has this e-mail address."
    details = (Detail("email", "taken", "Another user has this e-mail address."),)


class UsernameTaken(Conflict):
    """Another user has this username, in any case."""

    code, message = "username_taken", "Another user has this username."
    details = (Detail("username", "taken", "Another user has this username."),)


class ExternalIdTaken(Conflict):
    """Another user has this external id."""

    code, message = "external_id_taken", "Another user has this external_id."
    details = (Detail("external_id", "taken", "Another user has this external_id."),)


class IdTaken(Conflict):
    """A user, perhaps a deleted one, has the id of the user to import."""

    code, message = "id_taken", "A user has this id already. It may be a deleted one."
    details = (Detail("id", "taken", "A user has this id already."),)


class UsernameReserved(ValidationFailed):
    """Users cannot choose a username such as `support` for themselves."""

    code = "username_reserved"
    message = "This username is reserved for the operators of the service. Choose another one."
    details = (Detail("username", "reserved", "Choose another username."),)


class EmailLookalike(Conflict):
    """The address that a user registers or changes to looks like another user's (UTS #39)."""

    code = "email_lookalike"
    message = "This e-mail address looks like another user's. Ask an administrator for an account."
    details = (Detail("email", "lookalike", "This e-mail address looks like another user's."),)


class NotDeleted(Conflict):
    """The user to restore is not deleted."""

    code, message = "not_deleted", "This user is not deleted, so there is nothing to restore."


class SeveralDeleted(Conflict):
    """Several deleted users had this address or username.

    `details` lists their ids, the earliest deletion first.
    """

    code = "several_deleted"
    message = "Several deleted users had this e-mail address or username. Use one of their ids."

    @classmethod
    def of(cls, ids: Iterable[object]) -> Self:
        return cls(details=[Detail("ref", "candidate", str(each)) for each in ids])


class LastAdmin(Conflict):
    """The last active admin cannot be demoted, disabled or deleted."""

    code, message = "last_admin", "This is the last active admin. Make another user admin first."


class RegistrationClosed(Forbidden):
    """REGISTRATION=closed, and the caller lacks `users:create`."""

    code = "registration_closed"
    message = "Registration is closed. Ask an administrator for an account."


class NoAdminYet(RegistrationClosed):
    """Anonymous registration, and there is no admin yet."""

    code = "no_admin_yet"
    message = (
        "Registration opens when there is an admin. Set ADMIN_EMAIL and ADMIN_PASSWORD, or run "
        "`rollbook users create-admin`."
    )


class WrongPassword(Forbidden):
    """`current_password` is not the current password."""

    code, message = "wrong_password", "This is not the current password."
    details = (Detail("current_password", "wrong_password", "This is not the current password."),)


class CurrentPasswordNeeded(ValidationFailed):
    """A change of one's own e-mail address or password lacks `current_password`."""

    code = "current_password_needed"
    message = "Send current_password too, to change your own e-mail address or password."
    details = (Detail("current_password", "missing", "This field is required."),)


class RecentSignInNeeded(CurrentPasswordNeeded):
    """Deleting your own account lacks `current_password`, in a session older than 5 minutes."""

    code = "recent_sign_in_needed"
    message = (
        "To delete your own account, send current_password in the body, or sign in again and "
        "retry within 5 minutes."
    )
