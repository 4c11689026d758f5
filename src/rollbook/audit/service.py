"""Append to the audit log, and read it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.audit import policy
from rollbook.audit.dao import entries
from rollbook.audit.documents import AuditEntry
from rollbook.kit.listing import Page, PageRequest, Row

Changes = Mapping[str, Mapping[str, Any]]
"""Field → {"before": …, "after": …}."""

MAX_USER_AGENT_LENGTH = 400


@dataclass(frozen=True)
class Target:
    """What an action was done to. `version` is the one after the change, if it has versions.

    `id` is None when it is not known, as for a sign-in with an unknown e-mail address.
    """

    type: str
    id: str | None
    version: int | None = None


def append_entry(
    action: str, target: Target, *, actor: Principal, at: datetime, changes: Changes
) -> None:
    """Append an entry to the audit log.

    Call it inside the transaction of the change, so that both commit or neither.
    """
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
            user_agent=user_agent[:MAX_USER_AGENT_LENGTH] if user_agent else None,
            request_id=actor.origin.request_id,
        )
    )


def redact(user_id: str, fields: Collection[str]) -> None:
    """Remove the user's values of `fields` from all entries, and where the user acted from.

    Call it inside the transaction of a purge.
    """
    entries.redact(user_id, fields)


def redact_origins(user_id: str, *, beyond: int) -> None:
    """Remove where the user acted from, from all entries but the last `beyond`.

    Call it before a purge, since more entries would not fit into its transaction. It may be
    interrupted anywhere.
    """
    while entries.has_origins(user_id, beyond=beyond):
        entries.redact_origins(user_id, limit=beyond)


def list_entries(request: PageRequest, *, actor: Principal, **filters: Any) -> Page[Row]:
    """List entries, the latest first.

    Without `audit:read`, only entries about or by `actor` are listed. `filters` are the keyword
    arguments of `AuditDAO.list_page`.
    """
    own = None if actor.may(Permission.AUDIT_READ) else actor.user_id
    return _redact_page(entries.list_page(request, about_or_by=own, **filters), actor)


def list_history(user_id: str, request: PageRequest, *, actor: Principal) -> Page[Row]:
    """List the changes of a user, the latest first.

    The caller has checked that `actor` may read them.
    """
    return _redact_page(entries.list_history(request, user_id), actor)


def _redact_page(page: Page[Row], actor: Principal) -> Page[Row]:
    return replace(page, items=[policy.redact_for(actor, entry) for entry in page.items])
