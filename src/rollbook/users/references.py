"""References to a user: an id, an e-mail address, a username or an external id."""

import re
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from email_validator import EmailNotValidError, validate_email

from rollbook.kit.lookalikes import skeleton
from rollbook.kit.text import fold

USERNAME_PATTERN = r"^[A-Za-z0-9_.-]{3,50}$"
RESERVED_USERNAMES = frozenset(
    {
        *("me", "bulk", "count", "export", "history", "import", "search", "sessions"),
        "restore",
    }
)
"""Parts of paths, now or in a later version."""
OFFICIAL_USERNAMES = frozenset(
    {
        *("abuse", "admin", "administrator", "api", "billing", "help", "helpdesk", "hostmaster"),
        *("info", "mailerdaemon", "moderator", "nobody", "noreply", "official", "operator"),
        *("postmaster", "rollbook", "root", "security", "service", "staff", "superuser"),
        *("support", "sysadmin", "system", "webmaster"),
    }
)
RESERVED_USERNAME_SCHEMA = {
    "anyOf": [{"pattern": "^[0-9a-fA-F]{24}$"}, {"enum": sorted(RESERVED_USERNAMES)}]
}
"""A JSON Schema of what would be read as an id or as a part of a path."""
ME = "me"
EXTERNAL_PREFIX = "ext:"
"""In front of an external id. A username has no colon, and a colon is rare in an address."""

_ID = re.compile(r"[0-9a-fA-F]{24}")
_USERNAME = re.compile(USERNAME_PATTERN)


@dataclass(frozen=True)
class Reference:
    """The user whose stored `field` is `value`."""

    field: str
    value: Any


def parse_reference(ref: str) -> Reference | None:
    """Parse a reference. None when it cannot be one."""
    if _ID.fullmatch(ref):
        return Reference("_id", ObjectId(ref))
    if ref.startswith(EXTERNAL_PREFIX):
        return Reference("external_id", ref.removeprefix(EXTERNAL_PREFIX))
    if "@" in ref:
        key = find_email_key(ref)
        return Reference("email_key", key) if key else None
    return Reference("username_key", get_username_key(ref)) if _USERNAME.fullmatch(ref) else None


def get_login_reference(email: str | None, username: str | None) -> Reference:
    """Return the reference of a sign-in.

    An invalid address or name refers to nobody.
    """
    if email is not None:
        return Reference("email_key", find_email_key(email.strip()) or fold(email))
    return Reference("username_key", get_username_key(username or ""))


def get_email_key(address: str) -> str:
    """Return one form for all spellings of an address.

    NFKC, case folding, and the domain in IDNA 2008 (RFC 5891). DNS is not asked.

    Raises: EmailNotValidError, with the reason.
    """
    parts = validate_email(address, check_deliverability=False)
    return f"{fold(parts.local_part)}@{parts.ascii_domain.lower()}"


def find_email_key(address: str) -> str | None:
    """Return the key, or None for a text that is not an e-mail address."""
    try:
        return get_email_key(address)
    except EmailNotValidError:
        return None


def get_email_skeleton(address: str) -> str:
    """Return a skeleton, which all addresses that look alike share, in any script (UTS #39).

    Raises: EmailNotValidError.
    """
    parts = validate_email(address, check_deliverability=False)
    return skeleton(f"{parts.local_part}@{parts.domain}")


def is_confusable(address: str) -> bool:
    """Return whether the address has characters that look like others.

    ASCII addresses do not. Raises: EmailNotValidError.
    """
    parts = validate_email(address, check_deliverability=False)
    return not fold(f"{parts.local_part}@{parts.domain}").isascii()


def get_username_key(username: str) -> str:
    return username.lower()


def get_name_key(name: str) -> str:
    """Return the key that a list is sorted by."""
    return fold(name)


def is_allowed_username(username: str) -> bool:
    """Return False for a name that would be read as an id or as a part of a path."""
    return not _ID.fullmatch(username) and username.lower() not in RESERVED_USERNAMES


def is_official_username(username: str) -> bool:
    """Recognize names of those who run a service (RFC 2142 and common practice)."""
    return re.sub(r"[_.-]", "", username.lower()) in OFFICIAL_USERNAMES
