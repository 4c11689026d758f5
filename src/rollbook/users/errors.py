"""What can go wrong with users."""

from rollbook.kit.errors import Conflict, Detail, NotFound, ValidationFailed


class UserNotFound(NotFound):
    code, message = "user_not_found", "There is no such user."


class EmailTaken(Conflict):
    code, message = "email_taken", "Another user has this e-mail address."
    details = (Detail("email", "taken", "Another user has this e-mail address."),)


class UsernameTaken(Conflict):
    code, message = "username_taken", "Another user has this username."
    details = (Detail("username", "taken", "Another user has this username."),)


class PasswordRefused(ValidationFailed):
    code, message = "password_refused", "The password does not meet the policy."
