"""Who is calling, and from where."""

from dataclasses import dataclass
from enum import StrEnum

from rollbook.access.permissions import Permission


class ActorKind(StrEnum):
    USER = "user"
    ANONYMOUS = "anonymous"
    CLI = "cli"
    SYSTEM = "system"


@dataclass(frozen=True)
class Origin:
    """Where a request came from, as the audit record keeps it; all None for what starts inside."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


@dataclass(frozen=True)
class Principal:
    """`user_id` is None unless `kind` is USER."""

    kind: ActorKind
    user_id: str | None
    permissions: frozenset[Permission]
    origin: Origin = Origin()

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions
