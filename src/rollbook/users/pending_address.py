"""The new address of a user, which waits until its owner has confirmed it."""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from rollbook.users import policy
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.references import get_email_key
from rollbook.users.registration import is_lookalike, require_free_address

ADDRESS_FIELDS = {"email", "email_key", "email_skeleton"}


def make_address_pending(
    wanted: Mapping[str, Any], verification: policy.Verification
) -> Mapping[str, Any]:
    """Let the address that users want for themselves wait, instead of being in force at once.

    With `required`, nothing tells them whether another user has it: then it is never confirmed.

    Raises: EmailTaken.
    """
    if verification == "optional":
        require_free_address(wanted["email_key"])
    kept = {name: value for name, value in wanted.items() if name not in ADDRESS_FIELDS}
    return {**kept, "pending_email": wanted["email"]}


def is_pending(user: User, email_key: str | None) -> bool:
    """Return whether the address with this key waits to become the user's."""
    return user.pending_email is not None and get_email_key(user.pending_email) == email_key


def may_become_address(address: str, user_id: ObjectId) -> bool:
    """Return whether the user may have an address: nobody else has it, or one that looks alike."""
    taken = users.find("email_key", get_email_key(address)) is not None
    return not taken and not is_lookalike(address, besides=user_id)
