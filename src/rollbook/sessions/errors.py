"""Errors about sessions."""

from rollbook.kit.errors import NotFound


class SessionNotFound(NotFound):
    """The user has no session with this id."""

    code, message = "session_not_found", "There is no such session. It may have ended."
