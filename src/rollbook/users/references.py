"""Which user is meant: an id, an e-mail address or a username, each in its one stored form."""

import re
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from email_validator import EmailNotValidError, validate_email

from rollbook.kit.lookalikes import skeleton
from rollbook.kit.text import fold

USERNAME_PATTERN = r"^[A-Za-z0-9_.-]{3,50}$"
RESERVED_USERNAMES = frozenset({"me", "bulk", "count", "export", "history", "import", "search", "sessions", "restore"})
OFFICIAL_USERNAMES = frozenset(
    {
        *("abuse", "admin", "administrator", "api", "billing", "help", "helpdesk", "hostmaster", "info"),
        *("mailerdaemon", "moderator", "nobody", "noreply", "official", "operator", "postmaster", "rollbook", "root"),
        *("security", "service", "staff", "superuser", "support", "sysadmin", "system", "webmaster"),
    }
)
NO_USERNAME = {"anyOf": [{"pattern": "^[0-9a-fA-F]{24}$"}, {"enum": sorted(RESERVED_USERNAMES)}]}
"""As a JSON Schema: what would be read as an id, or as a path of the API."""
ME = "me"

_ID = re.compile(r"[0-9a-fA-F]{24}")
_USERNAME = re.compile(USERNAME_PATTERN)


@dataclass(frozen=True)
class Reference:
    """The stored `field` whose `value` is that of one user."""

    field: str
    value: Any


def parse(ref: str) -> Reference | None:
    """None for what can be nobody's id, address or name."""
    if _ID.fullmatch(ref):
        return Reference("_id", ObjectId(ref))
    if "@" in ref:
        key = find_email_key(ref)
        return Reference("email_key", key) if key else None
    return Reference("username_key", username_key(ref)) if _USERNAME.fullmatch(ref) else None


def of_login(email: str | None, username: str | None) -> Reference:
    """By what someone says they are; what can be nobody's address or name is a reference to nobody."""
    if email is not None:
        return Reference("email_key", find_email_key(email.strip()) or fold(email))
    return Reference("username_key", username_key(username or ""))


def email_key(address: str) -> str:
    """The one form of all spellings of `address`: NFKC and case folding, the domain in IDNA 2008 (RFC 5891).

    Raises: EmailNotValidError, with a sentence that says why. DNS is not asked.
    """
    parts = validate_email(address, check_deliverability=False)
    return f"{fold(parts.local_part)}@{parts.ascii_domain.lower()}"


def email_skeleton(address: str) -> str:
    """The same for all addresses that look like this one, whatever script they are written in (UTS #39).

    Raises: EmailNotValidError.
    """
    parts = validate_email(address, check_deliverability=False)
    return skeleton(f"{parts.local_part}@{parts.domain}")


def could_deceive(address: str) -> bool:
    """Whether it has characters that could look like others; plain ASCII addresses are told apart by all mail systems.

    Raises: EmailNotValidError.
    """
    parts = validate_email(address, check_deliverability=False)
    return not fold(f"{parts.local_part}@{parts.domain}").isascii()


def find_email_key(address: str) -> str | None:
    """None for what is not an e-mail address."""
    try:
        return email_key(address)
    except EmailNotValidError:
        return None


def username_key(username: str) -> str:
    return username.lower()


def could_be_username(username: str) -> bool:
    """False for what would be read as an id, or as a path of the API."""
    return not _ID.fullmatch(username) and username.lower() not in RESERVED_USERNAMES


def is_official(username: str) -> bool:
    """Names that look like those who run the service (RFC 2142 and common practice): nobody takes one themselves."""
    return re.sub(r"[_.-]", "", username.lower()) in OFFICIAL_USERNAMES


def name_key(name: str) -> str:
    """What a list is sorted by."""
    return fold(name)
