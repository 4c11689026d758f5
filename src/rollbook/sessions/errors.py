"""What can go wrong with sessions."""

from rollbook.kit.errors import NotFound


class SessionNotFound(NotFound):
    code, message = "session_not_found", "There is no such session; it may have ended."
