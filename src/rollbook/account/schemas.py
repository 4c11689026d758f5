"""Accounts: requests."""

from typing import Annotated

from pydantic import Field

from rollbook.auth.schemas import RefreshCookieFlag
from rollbook.kit.schemas import In
from rollbook.users.fields import Email, Password

A_LINK_TOKEN = "xQn0Yc7o3Rr8vJ2kUe5TqWm1Lz9Ab4Cd6Ef0Gh2Ij4k"

LinkToken = Annotated[
    str, Field(min_length=1, max_length=200, description="of the link", examples=[A_LINK_TOKEN])
]


class AddressIn(In):
    """An address, which may have an account or not."""

    email: Email


class TokenIn(In):
    """The token of a link. It is valid once."""

    token: LinkToken


class LinkSignInIn(TokenIn):
    """The token of a link to sign in."""

    refresh_cookie: RefreshCookieFlag = False


class PasswordResetIn(In):
    """The token of a link, and the new password."""

    token: LinkToken
    password: Password
