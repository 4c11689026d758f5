"""Accounts: requests."""

from rollbook.auth.schemas import RefreshCookieFlag
from rollbook.kit.schemas import In
from rollbook.one_time_tokens.schemas import LinkToken
from rollbook.users.fields import Email, Password


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
