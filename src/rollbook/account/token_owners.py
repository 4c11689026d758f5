"""Whose link it is."""

from rollbook.one_time_tokens.documents import OneTimeToken
from rollbook.one_time_tokens.errors import InvalidOneTimeToken
from rollbook.users.dao import users
from rollbook.users.documents import User


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
