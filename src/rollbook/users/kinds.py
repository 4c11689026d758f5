"""Kinds of users, by which their numbers are tallied: role, active or not, deleted or not."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Kind(NamedTuple):
    role: str
    is_active: bool
    is_deleted: bool

    @property
    def key(self) -> str:
        """The name of the counter."""
        return f"{self.role}:{self.is_active:d}{self.is_deleted:d}"


def get_kind(user: Any) -> Kind:
    return Kind(user.role, user.is_active, user.is_deleted)


def parse_kind(row: Mapping[str, Any]) -> Kind:
    """Parse the kind of a user.

    A field that the document lacks, as one of an early version may, counts as empty.
    """
    role = row.get("role") or ""
    return Kind(role, bool(row.get("is_active")), bool(row.get("is_deleted")))


def matches(
    key: str, *, role: str | None, is_active: bool | None, include_deleted: bool | None
) -> bool:
    """Return whether the counter `key` counts users of this role and state. None means any."""
    return (
        (role is None or key[:-3] == role)
        and (is_active is None or key[-2] == f"{is_active:d}")
        and (bool(include_deleted) or key[-1] == "0")
    )
