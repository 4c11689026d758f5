"""Users over HTTP."""

from typing import ClassVar

from flask import url_for
from flask_restful import Resource

from rollbook.access.guards import current_principal, public, requires
from rollbook.access.permissions import Permission
from rollbook.kit.errors import Unauthenticated
from rollbook.kit.http import Api, PathParameter, Reply, endpoint
from rollbook.users.errors import EmailTaken, PasswordRefused, UsernameTaken, UserNotFound
from rollbook.users.schemas import PasswordPolicyOut, UserCreate, UserOut, UserPatch, UserQuery
from rollbook.users.service import UserService

MISSING = (UserNotFound, Unauthenticated)
REFUSED = (PasswordRefused, EmailTaken, UsernameTaken)


class UserResource(Resource):
    def __init__(self, users: UserService) -> None:
        self.users = users


class UserCollection(UserResource):
    @requires(Permission.USERS_CREATE)
    @endpoint("create_user", "User created.", body=UserCreate, returns=UserOut, status=201, errors=REFUSED)
    def post(self, body: UserCreate) -> Reply:
        """Create a user.

        The e-mail address and the username must be nobody else's, in any spelling.
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
    path_parameters: ClassVar = {"ref": PathParameter("An id, an e-mail address or a username.", "ada@example.com")}

    @requires(Permission.USERS_READ)
    @endpoint("read_user", "User found.", returns=UserOut, errors=MISSING)
    def get(self, ref: str) -> Reply:
        """Read a user."""
        return Reply(self.users.read_user(ref, actor=current_principal()))

    @requires(Permission.USERS_UPDATE)
    @endpoint("change_user", "User updated.", body=UserPatch, returns=UserOut, errors=MISSING + REFUSED)
    def patch(self, ref: str, body: UserPatch) -> Reply:
        """Change what is sent of a user.

        A field left out stays as it is; null clears an optional one. Where nothing changes, there is no new version.
        """
        return Reply(self.users.change_user(ref, body, actor=current_principal()))

    @requires(Permission.USERS_UPDATE)
    @endpoint("update_user", "User updated.", body=UserPatch, returns=UserOut, errors=MISSING + REFUSED)
    def put(self, ref: str, body: UserPatch) -> Reply:
        """Change what is sent of a user, for clients that only PUT.

        The same as PATCH: a field left out is not wiped.
        """
        return Reply(self.users.change_user(ref, body, actor=current_principal()))

    @requires(Permission.USERS_DELETE)
    @endpoint("delete_user", "User deleted.", returns=UserOut, status=204, errors=MISSING)
    def delete(self, ref: str) -> Reply:
        """Delete a user for good.

        With `Prefer: return=representation` the answer is 200 and holds the user as it was.
        """
        return Reply(self.users.delete_user(ref, actor=current_principal()))


class PasswordPolicyItem(UserResource):
    @public
    @endpoint("read_password_policy", "Password policy found.", returns=PasswordPolicyOut)
    def get(self) -> Reply:
        """Read what a password has to be."""
        return Reply(self.users.password_policy)


def register(api: Api, users: UserService) -> None:
    handed = {"users": users}
    api.add_resource(UserCollection, "/users", endpoint="users", resource_class_kwargs=handed)
    api.add_resource(UserItem, "/users/<anything:ref>", endpoint="user", resource_class_kwargs=handed)
    api.add_resource(PasswordPolicyItem, "/password-policy", endpoint="password_policy", resource_class_kwargs=handed)
