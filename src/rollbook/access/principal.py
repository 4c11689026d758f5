"""Who is calling, and from where."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from rollbook.access.permissions import EVERYTHING, Permission
from rollbook.kit.errors import Forbidden


class ActorKind(StrEnum):
    USER = "user"
    ANONYMOUS = "anonymous"
    CLI = "cli"
    SYSTEM = "system"


class RightsChanged(Forbidden):
    code = "rights_changed"
    message = "What you may do was changed while this request was under way. Read it again at /auth/me, then retry."


@dataclass(frozen=True)
class Origin:
    """Where a request came from, as the audit record keeps it; all None for what starts inside."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Principal:
    """`user_id` and `session_id` are None unless `kind` is USER. `is_admin`: has the role, or stands for who has."""

    kind: ActorKind
    user_id: str | None
    permissions: frozenset[Permission]
    origin: Origin = Origin()
    session_id: str | None = None
    is_admin: bool = False
    warrant: Callable[["Principal"], None] | None = field(default=None, compare=False, repr=False)
    """Confirms a user's rights inside a transaction; None for whoever has none that could be taken away."""

    def confirm(self) -> None:
        """For `in_transaction`. Raises: Unauthenticated, RightsChanged."""
        if self.warrant:
            self.warrant(self)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


COMMAND_LINE = Principal(ActorKind.CLI, None, EVERYTHING, is_admin=True)
"""Whoever may run commands here could as well write to the database."""
SYSTEM = Principal(ActorKind.SYSTEM, None, EVERYTHING, is_admin=True)
