"""Users over HTTP."""

from typing import ClassVar

from flask import url_for
from flask_restful import Resource

from rollbook.access.guards import anyone_or, current_principal, public, requires
from rollbook.access.permissions import Permission
from rollbook.kit.errors import Forbidden, TooManyRequests
from rollbook.kit.http import Api, PathParameter, Reply, endpoint
from rollbook.kit.passwords import TooBusy
from rollbook.limits.errors import LimitsUnavailable
from rollbook.roles.errors import UnknownRole
from rollbook.sessions.schemas import SessionOut, SessionQuery
from rollbook.users.errors import (
    CurrentPasswordNeeded,
    EmailTaken,
    LastAdmin,
    PasswordRefused,
    RegistrationClosed,
    UsernameTaken,
    UserNotFound,
    WrongPassword,
)
from rollbook.users.schemas import PasswordPolicyOut, UserCreate, UserOut, UserPatch, UserQuery
from rollbook.users.service import UserService

REF: dict[str, PathParameter] = {
    "ref": PathParameter("An id, an e-mail address, a username, or `me`: whoever calls.", "ada@example.com")
}
REFUSED = (PasswordRefused, UnknownRole, EmailTaken, UsernameTaken, TooBusy)
CHANGE_REFUSED = (
    UserNotFound,
    *REFUSED,
    CurrentPasswordNeeded,
    WrongPassword,
    LastAdmin,
    TooManyRequests,
    LimitsUnavailable,
)


class UserResource(Resource):
    def __init__(self, users: UserService) -> None:
        self.users = users


class UserCollection(UserResource):
    @anyone_or(Permission.USERS_CREATE)
    @endpoint(
        "create_user",
        "User created.",
        body=UserCreate,
        returns=UserOut,
        status=201,
        errors=(*REFUSED, RegistrationClosed, Forbidden),
    )
    def post(self, body: UserCreate) -> Reply:
        """Create a user, oneself or another.

        Anyone may, while registration is open; then the role is `user`, and another one needs `users:set_role`. The
        e-mail address and the username must be nobody else's, in any spelling.
        """
        user = self.users.create_user(body, actor=current_principal())
        return Reply(user, location=url_for(".user", ref=user.pk))

    @requires(Permission.USERS_LIST)
    @endpoint("list_users", "Users listed.", query=UserQuery, returns=UserOut, many=True)
    def get(self, query: UserQuery) -> Reply:
        """List users, a page at a time.

        Past the end a page is empty. The Link header leads to the first, previous, next and last page.
        """
        return Reply(self.users.list_users(query.page_request()))


class UserItem(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.USERS_READ, or_self=True)
    @endpoint("read_user", "User found.", returns=UserOut, errors=(UserNotFound,))
    def get(self, ref: str) -> Reply:
        """Read a user: oneself, or with `users:read` anyone."""
        return Reply(self.users.read_user(ref, actor=current_principal()))

    @requires(Permission.USERS_UPDATE, or_self=True)
    @endpoint("change_user", "User updated.", body=UserPatch, returns=UserOut, errors=CHANGE_REFUSED)
    def patch(self, ref: str, body: UserPatch) -> Reply:
        """Change what is sent of a user.

        A field left out stays as it is; null clears an optional one. Where nothing changes, there is no new version.
        One's own e-mail address and password need `current_password`; a new password ends all other sessions. For
        others that needs `users:set_credentials`, the role `users:set_role`, and all else `users:update`.
        """
        return Reply(self.users.change_user(ref, body, actor=current_principal()))

    @requires(Permission.USERS_UPDATE, or_self=True)
    @endpoint("update_user", "User updated.", body=UserPatch, returns=UserOut, errors=CHANGE_REFUSED)
    def put(self, ref: str, body: UserPatch) -> Reply:
        """Change what is sent of a user, for clients that only PUT.

        The same as PATCH: a field left out is not wiped.
        """
        return Reply(self.users.change_user(ref, body, actor=current_principal()))

    @requires(Permission.USERS_DELETE, or_self=True)
    @endpoint("delete_user", "User deleted.", returns=UserOut, status=204, errors=(UserNotFound, LastAdmin))
    def delete(self, ref: str) -> Reply:
        """Delete a user for good, oneself or another, and end their sessions.

        With `Prefer: return=representation` the answer is 200 and holds the user as it was.
        """
        return Reply(self.users.delete_user(ref, actor=current_principal()))


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


class PasswordPolicyItem(UserResource):
    @public
    @endpoint("read_password_policy", "Password policy found.", returns=PasswordPolicyOut)
    def get(self) -> Reply:
        """Read what a password has to be."""
        return Reply(self.users.password_policy)


def register(api: Api, users: UserService) -> None:
    handed = {"users": users}
    api.add_resource(UserCollection, "/users", endpoint="users", resource_class_kwargs=handed)
    api.add_resource(UserItem, '/users/<anything(but="/sessions"):ref>', endpoint="user", resource_class_kwargs=handed)
    api.add_resource(
        UserSessions, "/users/<anything:ref>/sessions", endpoint="user_sessions", resource_class_kwargs=handed
    )
    api.add_resource(PasswordPolicyItem, "/password-policy", endpoint="password_policy", resource_class_kwargs=handed)
