"""Users over HTTP."""

from typing import Any, ClassVar

from flask import url_for
from flask_restful import Resource

from rollbook.access.guards import anyone_or, current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.audit.schemas import AuditEntryOut, HistoryQuery
from rollbook.kit.declarations import PathParameter, Reply
from rollbook.kit.errors import Forbidden, TooManyRequests
from rollbook.kit.http import Api, endpoint
from rollbook.kit.passwords import TooBusy
from rollbook.kit.preconditions import Expected
from rollbook.limits.errors import LimitsUnavailable
from rollbook.roles.errors import UnknownRole
from rollbook.sessions.schemas import SessionOut, SessionQuery
from rollbook.users import policy
from rollbook.users.deletion import DeletionService
from rollbook.users.errors import (
    CurrentPasswordNeeded,
    EmailLookalike,
    EmailTaken,
    LastAdmin,
    NoAdminYet,
    NotDeleted,
    PasswordRefused,
    RecentSignInNeeded,
    RegistrationClosed,
    SeveralDeleted,
    TooBroad,
    UsernameReserved,
    UsernameTaken,
    UserNotFound,
    WrongPassword,
)
from rollbook.users.schemas import (
    RemoveQuery,
    UserCreate,
    UserDelete,
    UserListOut,
    UserOut,
    UserPatch,
    UserQuery,
)
from rollbook.users.service import UserService

REF: dict[str, PathParameter] = {
    "ref": PathParameter("An id, an e-mail address, a username, or `me`: whoever calls.", "ada@example.com")
}
THROTTLED = (TooManyRequests, LimitsUnavailable)
REGISTRATION_REFUSED = (RegistrationClosed, NoAdminYet, EmailLookalike, *THROTTLED)
REFUSED = (PasswordRefused, UnknownRole, UsernameReserved, EmailTaken, UsernameTaken, TooBusy)
CHANGE_REFUSED = (
    UserNotFound,
    *REFUSED,
    EmailLookalike,
    CurrentPasswordNeeded,
    WrongPassword,
    LastAdmin,
    *THROTTLED,
)


def may_see(user_id: str) -> bool:
    """The one rule about what an answer shows of a user; see `Declaration.shows`."""
    return policy.may_see(current_principal(), user_id)


CHANGE: dict[str, Any] = {"body": UserPatch, "returns": UserOut, "conditional": True, "shows": may_see}
CHANGE["errors"] = CHANGE_REFUSED


class UserResource(Resource):
    def __init__(self, users: UserService, deletion: DeletionService) -> None:
        self.users = users
        self.deletion = deletion


class UserCollection(UserResource):
    @anyone_or(Permission.USERS_CREATE)
    @endpoint(
        "create_user",
        "User created.",
        body=UserCreate,
        returns=UserOut,
        status=201,
        location=lambda user: url_for(".user", ref=user.pk),
        repeatable=True,
        shows=may_see,
        errors=(*REFUSED, *REGISTRATION_REFUSED, Forbidden),
    )
    def post(self, body: UserCreate) -> Reply:
        """Create a user, oneself or another.

        Anyone may, while registration is open and there is an admin; then the role is `user`, and another one needs
        `users:set_role`. The e-mail address and the username must be nobody else's, in any spelling.
        """
        return Reply(self.users.create_user(body, actor=current_principal()))

    @requires(Permission.USERS_LIST)
    @endpoint("list_users", "Users listed.", query=UserQuery, returns=UserListOut, many=True, errors=(TooBroad,))
    def get(self, query: UserQuery) -> Reply:
        """List users, a page at a time.

        Past the end a page is empty. The Link header leads to the first, previous, next and last page. `next_cursor`
        goes on where this page ends, whoever comes or goes meanwhile, and as fast 5,000 pages in as on the first.
        Totals are exact, or null: of what `q`, dates, an address or a name select, 1,000 are counted at most. What more
        than 10,000 begin with is not sorted by name, username or e-mail address.
        """
        page = self.users.list_users(query.page_request(), query.filters(), actor=current_principal())
        return Reply(page, only=query.shown())


class UserItem(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.USERS_READ, or_self=True)
    @endpoint("read_user", "User found.", returns=UserOut, shows=may_see, errors=(UserNotFound,))
    def get(self, ref: str) -> Reply:
        """Read a user: oneself, or with `users:read` anyone."""
        return Reply(self.users.read_user(ref, actor=current_principal()))

    @requires(Permission.USERS_UPDATE, or_self=True)
    @endpoint("change_user", "User updated.", **CHANGE)
    def patch(self, ref: str, body: UserPatch, expected: Expected) -> Reply:
        """Change what is sent of a user.

        A field left out stays as it is; null clears an optional one. Where nothing changes, there is no new version.
        One's own e-mail address and password need `current_password`; a new password ends all other sessions. For
        others that needs `users:set_credentials`, the role `users:set_role`, and all else `users:update`.
        """
        return Reply(self.users.change_user(ref, body, actor=current_principal(), expected=expected))

    @requires(Permission.USERS_UPDATE, or_self=True)
    @endpoint("update_user", "User updated.", **CHANGE)
    def put(self, ref: str, body: UserPatch, expected: Expected) -> Reply:
        """Change what is sent of a user, for clients that only PUT.

        The same as PATCH: a field left out is not wiped.
        """
        return Reply(self.users.change_user(ref, body, actor=current_principal(), expected=expected))

    @requires(Permission.USERS_DELETE, or_self=True)
    @endpoint(
        "delete_user",
        "User deleted.",
        body=UserDelete,
        body_optional=True,
        query=RemoveQuery,
        returns=UserOut,
        status=204,
        conditional=True,
        shows=may_see,
        errors=(UserNotFound, LastAdmin, RecentSignInNeeded, WrongPassword, TooBusy, *THROTTLED),
    )
    def delete(self, ref: str, body: UserDelete, query: RemoveQuery, expected: Expected) -> Reply:
        """Delete a user, oneself or another, and end their sessions.

        Gone from every read, and e-mail address and username free, but kept for RETENTION_DAYS, in which
        `POST .../restore` undoes it. With `purge=true` for good; a user who was deleted before is purged by id. One's
        own account needs `current_password`, or a session that began less than 5 minutes ago. With
        `Prefer: return=representation` the answer to who may read them is 200 and holds the user as it was last.
        """
        remove = self.deletion.purge_user if query.purge else self.deletion.delete_user
        actor = current_principal()
        return Reply(remove(ref, actor=actor, expected=expected, current_password=body.current_password))


class UserRestore(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.USERS_RESTORE)
    @endpoint(
        "restore_user",
        "User restored.",
        returns=UserOut,
        conditional=True,
        repeatable=True,
        shows=may_see,
        errors=(UserNotFound, NotDeleted, SeveralDeleted, EmailTaken, UsernameTaken, UnknownRole),
    )
    def post(self, ref: str, expected: Expected) -> Reply:
        """Undo the deletion of a user.

        By id, or by an e-mail address or username that only one deleted user had; 409 lists the ids of several. 409,
        too, when someone else has the address or the username now. Where If-Match is required, `*` will do.
        """
        return Reply(self.deletion.restore_user(ref, actor=current_principal(), expected=expected))


class UserHistory(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.AUDIT_READ, or_self=True)
    @endpoint(
        "list_user_history",
        "History read.",
        query=HistoryQuery,
        returns=AuditEntryOut,
        many=True,
        errors=(UserNotFound, SeveralDeleted),
    )
    def get(self, ref: str, query: HistoryQuery) -> Reply:
        """Read every change of a user, the newest first: what was, what is, and who changed it.

        With `audit:read` also of a deleted user, and by id of one that was purged.
        """
        return Reply(self.users.list_history(ref, query.page_request(), actor=current_principal()))


class UserSessions(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.SESSIONS_READ, or_self=True)
    @endpoint(
        "list_user_sessions",
        "Sessions listed.",
        query=SessionQuery,
        returns=SessionOut,
        many=True,
        errors=(UserNotFound,),
    )
    def get(self, ref: str, query: SessionQuery) -> Reply:
        """List where a user is signed in, the latest sign-in first."""
        return Reply(self.users.list_sessions(ref, query.page_request(), actor=current_principal()))

    @requires(Permission.SESSIONS_REVOKE, or_self=True)
    @endpoint("end_user_sessions", "Sessions ended.", status=204, errors=(UserNotFound,))
    def delete(self, ref: str) -> Reply:
        """Sign a user out everywhere, but for the session that asks."""
        self.users.end_sessions(ref, actor=current_principal())
        return Reply(None)


def register(api: Api, users: UserService, deletion: DeletionService) -> None:
    handed = {"users": users, "deletion": deletion}
    api.add_resource(UserCollection, "/users", endpoint="users", resource_class_kwargs=handed)
    api.add_resource(
        UserItem,
        '/users/<anything(but="history|restore|sessions"):ref>',
        endpoint="user",
        resource_class_kwargs=handed,
    )
    for path, resource in {"history": UserHistory, "restore": UserRestore, "sessions": UserSessions}.items():
        api.add_resource(
            resource, f"/users/<anything:ref>/{path}", endpoint=f"user_{path}", resource_class_kwargs=handed
        )
