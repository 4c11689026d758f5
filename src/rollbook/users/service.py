"""Read users, their history and their sessions."""

from dataclasses import dataclass

from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.audit.service import list_history
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.roles.service import RoleService
from rollbook.sessions.service import SessionService
from rollbook.storage.transactions import transactional
from rollbook.users import policy
from rollbook.users.authorization import (
    get_accessible_row,
    get_accessible_user,
    require_authority_over,
)
from rollbook.users.dao import users
from rollbook.users.errors import UserNotFound
from rollbook.users.filters import EVERYONE, Selection


@dataclass(frozen=True)
class UserService:
    roles: RoleService
    sessions: SessionService

    def read_user(self, ref: str, *, actor: Principal) -> Row:
        """Return a user. Raises: UserNotFound, Unauthenticated, Forbidden."""
        return get_accessible_row(ref, Permission.USERS_READ, actor)

    def list_users(
        self, request: PageRequest, selection: Selection = EVERYONE, *, actor: Principal
    ) -> Page[Row]:
        """List a page of users. Raises: Forbidden, TooBroad."""
        include_deleted = bool(selection.get("include_deleted"))
        policy.require_may_list(actor, include_deleted=include_deleted)
        policy.require_may_filter(actor, selection.values.keys())
        return users.list_users(request, selection)

    def list_history(self, ref: str, request: PageRequest, *, actor: Principal) -> Page[Row]:
        """List the changes of a user, the latest first.

        With `audit:read` also of a deleted user, and by id of a purged one.

        Raises: UserNotFound, Unauthenticated, Forbidden, SeveralDeleted.
        """
        if not actor.may(Permission.AUDIT_READ):
            own = get_accessible_user(ref, Permission.AUDIT_READ, actor)
            return list_history(str(own.pk), request, actor=actor)
        reference = policy.resolve_reference(ref, actor, Permission.AUDIT_READ)
        user = users.find(reference.field, reference.value) or users.find_deleted(reference)
        if user is None and reference.field != "_id":
            raise UserNotFound()
        page = list_history(str(user.pk if user else reference.value), request, actor=actor)
        if user is None and request.is_first and not page.items:
            raise UserNotFound()
        return page

    def list_sessions(self, ref: str, request: PageRequest, *, actor: Principal) -> Page[Row]:
        """List the sessions of a user. Raises: UserNotFound, Unauthenticated, Forbidden."""
        user = get_accessible_user(ref, Permission.SESSIONS_READ, actor)
        return self.sessions.list_sessions(user.pk, request, actor=actor)

    def end_sessions(self, ref: str, *, actor: Principal) -> None:
        """End all sessions of the user, but the caller's own.

        Raises: UserNotFound, Unauthenticated, Forbidden.
        """
        user = get_accessible_user(ref, Permission.SESSIONS_REVOKE, actor)
        self._end_sessions(user.pk, actor=actor)

    @transactional()
    def _end_sessions(self, id: ObjectId, *, actor: Principal) -> None:
        require_authority_over(self.roles, actor, users.get(id))
        self.sessions.end_other_sessions(id, actor=actor)
