"""Whose link it is."""

from rollbook.one_time_tokens.documents import OneTimeToken
from rollbook.one_time_tokens.errors import InvalidOneTimeToken
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.pending_address import is_pending


def get_active_user(token: OneTimeToken) -> User:
    """Return the active user of a token. Raises: InvalidOneTimeToken."""
    user = users.find("_id", token.user_id)
    if user is None or not user.is_active:
        raise InvalidOneTimeToken()
    return user


def get_owner(token: OneTimeToken) -> User:
    """Return the active user of a token. Raises: InvalidOneTimeToken.

    A link that went to a former address is not valid.
    """
    user = get_active_user(token)
    if user.email_key != token.email_key:
        raise InvalidOneTimeToken()
    return user


def get_claimant(token: OneTimeToken) -> User:
    """Return the user who has, or wants, the address that a link to verify it went to.

    Raises: InvalidOneTimeToken.
    """
    user = get_active_user(token)
    if user.email_key != token.email_key and not is_pending(user, token.email_key):
        raise InvalidOneTimeToken()
    return user
