"""The history and the sessions of a user over HTTP."""

from typing import ClassVar

from rollbook.access.guards import current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.audit.schemas import AuditEntryOut, HistoryQuery
from rollbook.sessions.schemas import SessionOut, SessionQuery
from rollbook.users import errors
from rollbook.users.base_resource import REF, UserResource
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import endpoint


class UserHistory(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.AUDIT_READ, or_self=True)
    @endpoint(
        "list_user_history",
        "History read.",
        query=HistoryQuery,
        returns=AuditEntryOut,
        many=True,
        errors=(errors.UserNotFound, errors.SeveralDeleted),
    )
    def get(self, ref: str, query: HistoryQuery) -> Reply:
        """List every change of a user, the latest first: before, after, and who changed it.

        With `audit:read` also of a deleted user, and by id of a purged one.
        """
        actor, users = current_principal(), self.services.users
        return Reply(users.list_history(ref, query.page_request(), actor=actor))


class UserSessions(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.SESSIONS_READ, or_self=True)
    @endpoint(
        "list_user_sessions",
        "Sessions listed.",
        query=SessionQuery,
        returns=SessionOut,
        many=True,
        errors=(errors.UserNotFound,),
    )
    def get(self, ref: str, query: SessionQuery) -> Reply:
        """List the sessions of a user, the latest sign-in first."""
        actor, users = current_principal(), self.services.users
        return Reply(users.list_sessions(ref, query.page_request(), actor=actor))

    @requires(Permission.SESSIONS_REVOKE, or_self=True)
    @endpoint("end_user_sessions", "Sessions ended.", status=204, errors=(errors.UserNotFound,))
    def delete(self, ref: str) -> Reply:
        """Sign a user out everywhere, except for the session that calls."""
        self.services.users.end_sessions(ref, actor=current_principal())
        return Reply(None)
