"""Errors about passwords."""

from collections.abc import Mapping

from rollbook.kit.errors import Unavailable, ValidationFailed


class PasswordRefused(ValidationFailed):
    """The password does not meet the policy. `details` has every reason."""

    code, message = "password_refused", "The password does not meet the policy."


class TooBusy(Unavailable):
    """As many passwords are being hashed as possible. Retry-After says when to try again."""

    code = "too_busy"
    message = "Too many passwords are being checked at once. Try again in a second."
    headers: Mapping[str, str] = {"Retry-After": "1"}
