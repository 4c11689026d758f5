"""Errors about signing in."""

from collections.abc import Mapping

from rollbook.kit.errors import Forbidden, Unauthenticated


class InvalidCredentials(Unauthenticated):
    """The sign-in failed.

    The response is the same for an unknown, disabled or deleted user, a wrong password, and too
    many attempts.
    """

    code, message = "invalid_credentials", "Invalid credentials."


class EmailUnverified(Forbidden):
    """The password is right, but the address is not verified. See EMAIL_VERIFICATION=required."""

    code = "email_unverified"
    message = (
        "Verify your e-mail address first, with the link that you got. "
        "POST /auth/verification sends another one."
    )


class InvalidToken(Unauthenticated):
    """The access token is malformed, or its session has ended (RFC 6750 §3.1).

    Refresh it or sign in.
    """

    code, message = "invalid_token", "The access token is not valid. Refresh it, or sign in."
    headers: Mapping[str, str] = {
        "WWW-Authenticate": 'Bearer realm="rollbook", error="invalid_token"'
    }


class TokenExpired(InvalidToken):
    """The access token has expired. Refresh it."""

    code, message = "token_expired", "The access token has expired. Refresh it."


class OriginNotAllowed(Forbidden):
    """A request with `refresh_cookie` has an Origin that CORS_ORIGINS does not list."""

    code = "origin_not_allowed"
    message = "The refresh cookie needs an Origin that CORS_ORIGINS lists."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, used or expired, or its session has ended. Sign in."""

    code, message = "invalid_refresh_token", "The refresh token is not valid. Sign in again."
