"""Errors about mail."""

from rollbook.kit.errors import NotFound, Unavailable


class MailNotConfigured(Unavailable):
    """The operation sends a message, and MAIL_URL is not set."""

    code = "mail_not_configured"
    message = "This server sends no mail. Its operator has to set MAIL_URL."


class MessageNotFound(NotFound):
    """There is no such message, or it has not failed."""

    code, message = "message_not_found", "There is no such message, or it has not failed."


class Deferred(Exception):
    """The message was not accepted now, and may be later. The text says why, without a secret.

    `is_general`: the server would refuse every message, so the others need not be tried.
    """

    def __init__(self, reason: str, *, is_general: bool = False) -> None:
        self.is_general = is_general
        super().__init__(reason)


class Refused(Exception):
    """The message will never be accepted. The text says why."""
