"""Putting a change on record, and reading the record."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.audit import policy
from rollbook.audit.dao import entries
from rollbook.audit.documents import AuditEntry
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.paging import Row

Changes = Mapping[str, Mapping[str, Any]]
"""Field → {"before": …, "after": …}."""

LONGEST_USER_AGENT = 400


@dataclass(frozen=True)
class Target:
    """What was changed: `type` is a room's word for it, `version` the one it has after the change, where it has one.

    `id` is None where it is not known what was meant, as at a sign-in that failed.
    """

    type: str
    id: str | None
    version: int | None = None


def record(action: str, target: Target, *, actor: Principal, at: datetime, changes: Changes) -> None:
    """Append an entry; call it inside the transaction that makes the change, so that both commit or neither."""
    user_agent = actor.origin.user_agent
    entries.append(
        AuditEntry(
            at=at,
            action=action,
            actor_type=actor.kind,
            actor_id=actor.user_id,
            target_type=target.type,
            target_id=target.id,
            version=target.version,
            changes=dict(changes),
            ip=actor.origin.ip,
            user_agent=user_agent[:LONGEST_USER_AGENT] if user_agent else None,
            request_id=actor.origin.request_id,
        )
    )


def redact(user_id: str, fields: Collection[str]) -> None:
    """As part of a purge: no entry shows the user's values of `fields` any more. Call it inside the transaction."""
    entries.redact(user_id, fields)


def redact_origins(user_id: str, *, beyond: int) -> None:
    """Ahead of a purge, of all entries but the last `beyond`: more of them would not fit into its transaction.

    It may stop anywhere, and goes on where it stopped.
    """
    while entries.has_origins(user_id, beyond=beyond):
        entries.redact_origins(user_id, limit=beyond)


def list_entries(asked: PageRequest, *, actor: Principal, **filters: Any) -> Page[Row]:
    """The newest first; without `audit:read` only those about or by `actor`. `filters`: as `AuditDAO.page` has them."""
    own = None if actor.may(Permission.AUDIT_READ) else actor.user_id
    return _told(entries.page(asked, about_or_by=own, **filters), actor)


def list_history(user_id: str, asked: PageRequest, *, actor: Principal) -> Page[Row]:
    """Every change of one user, the newest first; of whoever may see it, the caller has made sure."""
    return _told(entries.history(asked, user_id), actor)


def _told(page: Page[Row], actor: Principal) -> Page[Row]:
    return replace(page, items=[policy.told_to(actor, entry) for entry in page.items])
