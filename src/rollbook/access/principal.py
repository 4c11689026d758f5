"""The caller of a use case, and where the request comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from rollbook.access.permissions import EVERYTHING
from rollbook.kit.errors import Forbidden


class ActorKind(StrEnum):
    USER = "user"
    ANONYMOUS = "anonymous"
    CLI = "cli"
    SYSTEM = "system"


class RightsChanged(Forbidden):
    """The caller lost a permission during the request. Nothing was changed."""

    code = "rights_changed"
    message = "Your permissions changed during this request. Read them at /auth/me, then retry."


@dataclass(frozen=True)
class Origin:
    """Where a request comes from, for the audit log, and the languages that it accepts.

    All None for what rollbook does by itself.
    """

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    accept_language: str | None = None


@dataclass(frozen=True)
class Principal:
    """`user_id` and `session_id` are None unless `kind` is USER.

    `is_admin`: has the role admin, or may do as much. `limits`: those of the role, by `read` and
    `write`. `described_permissions`: those that other services see, which may be more.
    """

    kind: ActorKind
    user_id: str | None
    permissions: frozenset[str]
    origin: Origin = Origin()
    session_id: str | None = None
    is_admin: bool = False
    limits: Mapping[str, str] = field(default_factory=dict)
    described_permissions: frozenset[str] = frozenset()
    warrant: Callable[["Principal"], None] | None = field(default=None, compare=False, repr=False)
    """Confirms the rights inside a transaction. None, when they cannot be taken away."""

    def confirm(self) -> None:
        """Confirm the rights, for `in_transaction`. Raises: Unauthenticated, RightsChanged."""
        if self.warrant:
            self.warrant(self)

    def may(self, permission: str) -> bool:
        return permission in self.permissions


COMMAND_LINE = Principal(ActorKind.CLI, None, EVERYTHING, is_admin=True)
"""A person who can run commands can also write to the database directly."""
SYSTEM = Principal(ActorKind.SYSTEM, None, EVERYTHING, is_admin=True)
