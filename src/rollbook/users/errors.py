"""What can go wrong with users."""

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


class NotDeleted(Conflict):
    code, message = "not_deleted", "This user is not deleted, so there is nothing to undo."


class LastAdmin(Conflict):
    code, message = "last_admin", "This is the last active admin; make another one first."


class RegistrationClosed(Forbidden):
    code, message = "registration_closed", "Nobody registers here by themselves; ask who runs this."


class WrongPassword(Forbidden):
    code, message = "wrong_password", "This is not the current password."
    details = (Detail("current_password", "wrong_password", "This is not the current password."),)


class CurrentPasswordNeeded(ValidationFailed):
    code, message = (
        "current_password_needed",
        "To change one's own e-mail address or password, send current_password too.",
    )
    details = (Detail("current_password", "missing", "This field is needed."),)


class PasswordRefused(ValidationFailed):
    code, message = "password_refused", "The password does not meet the policy."
