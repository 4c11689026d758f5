"""What can go wrong with users."""

from collections.abc import Iterable
from typing import Self

from rollbook.kit.errors import Conflict, Detail, Forbidden, NotFound, ValidationFailed


class UserNotFound(NotFound):
    code, message = "user_not_found", "There is no such user."


class TooBroad(ValidationFailed):
    code, message = "too_broad", "Too many begin with that to be sorted so; type more of it, or leave out sort."
    details = (Detail("q", "too_broad", "Type more of it, or leave out sort."),)


class EmailTaken(Conflict):
    code, message = "email_taken", "Another user has this e-mail address."
    details = (Detail("email", "taken", "Another user has this e-mail address."),)


class UsernameTaken(Conflict):
    code, message = "username_taken", "Another user has this username."
    details = (Detail("username", "taken", "Another user has this username."),)


class UsernameReserved(ValidationFailed):
    code, message = "username_reserved", "This username is kept for those who run the service; choose another."
    details = (Detail("username", "reserved", "This username is kept for those who run the service."),)


class EmailLookalike(Conflict):
    code = "email_lookalike"
    message = "This e-mail address looks like another user's; ask an administrator for an account."
    details = (Detail("email", "lookalike", "This e-mail address looks like another user's."),)


class NotDeleted(Conflict):
    code, message = "not_deleted", "This user is not deleted, so there is nothing to undo."


class SeveralDeleted(Conflict):
    code = "several_deleted"
    message = "Several deleted users had this e-mail address or username; say which one you mean by id."

    @classmethod
    def of(cls, ids: Iterable[object]) -> Self:
        return cls(details=[Detail("ref", "candidate", str(each)) for each in ids])


class LastAdmin(Conflict):
    code, message = "last_admin", "This is the last active admin; make another one first."


class RegistrationClosed(Forbidden):
    code, message = "registration_closed", "Nobody registers here by themselves; ask who runs this."


class NoAdminYet(RegistrationClosed):
    code = "no_admin_yet"
    message = (
        "Registration opens when there is an admin: set ADMIN_EMAIL and ADMIN_PASSWORD, "
        "or run `rollbook users create-admin`."
    )


class WrongPassword(Forbidden):
    code, message = "wrong_password", "This is not the current password."
    details = (Detail("current_password", "wrong_password", "This is not the current password."),)


class CurrentPasswordNeeded(ValidationFailed):
    code, message = (
        "current_password_needed",
        "To change one's own e-mail address or password, send current_password too.",
    )
    details = (Detail("current_password", "missing", "This field is needed."),)


class RecentSignInNeeded(CurrentPasswordNeeded):
    code = "recent_sign_in_needed"
    message = (
        "To delete your own account, send current_password in the body, or sign in again and retry within 5 minutes."
    )


class PasswordRefused(ValidationFailed):
    code, message = "password_refused", "The password does not meet the policy."
