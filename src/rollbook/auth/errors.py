"""Errors about signing in."""

from collections.abc import Mapping
from typing import ClassVar

from rollbook.kit.errors import Unauthenticated


class InvalidCredentials(Unauthenticated):
    """The sign-in failed.

    The response is the same for an unknown, disabled or deleted user, a wrong password, and too
    many attempts.
    """

    code, message = "invalid_credentials", "Invalid credentials."


class InvalidToken(Unauthenticated):
    """The access token is malformed, or its session has ended (RFC 6750 §3.1).

    Refresh it or sign in.
    """

    code, message = "invalid_token", "The access token is not valid. Refresh it, or sign in."
    headers: ClassVar[Mapping[str, str]] = {
        "WWW-Authenticate": 'Bearer realm="rollbook", error="invalid_token"'
    }


class TokenExpired(InvalidToken):
    """The access token has expired. Refresh it."""

    code, message = "token_expired", "The access token has expired. Refresh it."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, used or expired, or its session has ended. Sign in."""

    code, message = "invalid_refresh_token", "The refresh token is not valid. Sign in again."
