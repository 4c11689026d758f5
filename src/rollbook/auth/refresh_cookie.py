"""The refresh token as a cookie, which scripts of a page cannot read (RFC 6265, RFC 9700)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from flask import Response, after_this_request, request

from rollbook.access.guards import REFRESH_COOKIE
from rollbook.auth.errors import InvalidRefreshToken, OriginNotAllowed
from rollbook.cors.origins import AllowedOrigins
from rollbook.kit.errors import Detail, ValidationFailed
from rollbook.sessions.errors import SessionNotFound


@dataclass(frozen=True)
class RefreshCookie:
    """`path` is the path of the sign-in routes. `lifetime` is that of a session."""

    enabled: bool
    origins: AllowedOrigins
    path: str
    lifetime: timedelta

    def require_allowed(self) -> None:
        """Require the setting, and an origin that CORS_ORIGINS lists, for the current request.

        A page elsewhere could otherwise use the cookie that the browser adds (request forgery).

        Raises: ValidationFailed, OriginNotAllowed.
        """
        if not self.enabled:
            message = "The server does not use cookies. Leave this out, or set REFRESH_COOKIE=true."
            raise ValidationFailed(details=[Detail("refresh_cookie", "not_enabled", message)])
        if not self.origins.allow(request.headers.get("Origin")):
            raise OriginNotAllowed()

    def read(self) -> str:
        """Read the token from the current request. It is empty without a cookie."""
        return request.cookies.get(REFRESH_COOKIE, "")

    def set(self, token: str) -> None:
        """Set the cookie in the response to the current request."""
        self._send(token, int(self.lifetime.total_seconds()))

    def clear(self) -> None:
        """Remove the cookie in the response to the current request."""
        if self.enabled:
            self._send("", 0)

    @contextmanager
    def cleared_if_invalid(self) -> Iterator[None]:
        """Remove the cookie when its token turns out to be invalid for good."""
        try:
            yield
        except (InvalidRefreshToken, SessionNotFound):
            if REFRESH_COOKIE in request.cookies:
                self.clear()
            raise

    def _send(self, token: str, max_age: int) -> None:
        @after_this_request
        def send(response: Response) -> Response:
            response.set_cookie(
                REFRESH_COOKIE,
                token,
                max_age=max_age,
                path=self.path,
                secure=True,
                httponly=True,
                samesite="Strict",
            )
            return response
