"""What can go wrong with signing in."""

from collections.abc import Mapping
from typing import ClassVar

from rollbook.kit.errors import Unauthenticated


class InvalidCredentials(Unauthenticated):
    code, message = "invalid_credentials", "These credentials do not sign in."


class InvalidToken(Unauthenticated):
    """RFC 6750 §3.1."""

    code, message = "invalid_token", "This access token is not good, or not any more. Sign in or refresh it."
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="rollbook", error="invalid_token"'}


class TokenExpired(InvalidToken):
    code, message = "token_expired", "This access token has expired; refresh it."


class InvalidRefreshToken(Unauthenticated):
    code, message = "invalid_refresh_token", "This refresh token is not good, or not any more. Sign in again."
