"""Users over HTTP."""

from typing import Any, ClassVar

from flask import url_for

from rollbook.access.guards import anyone_or, current_principal, requires
from rollbook.access.permissions import Permission
from rollbook.kit.errors import Forbidden, TooManyRequests
from rollbook.kit.json_patch import JsonPatch, PatchConflict
from rollbook.kit.preconditions import Expected
from rollbook.limits.errors import LimitsUnavailable
from rollbook.passwords.errors import PasswordRefused, TooBusy
from rollbook.roles.errors import UnknownRole
from rollbook.users import errors, policy
from rollbook.users.base_resource import REF, Services, UserResource
from rollbook.users.queries import RemoveQuery, UserQuery
from rollbook.users.related_resources import UserHistory, UserSessions
from rollbook.users.schemas import UserCreate, UserDelete, UserListOut, UserOut, UserPatch, Viewer
from rollbook.web.declarations import Reply
from rollbook.web.endpoints import Api, endpoint

THROTTLED = (TooManyRequests, LimitsUnavailable)
VALUES_REFUSED = (
    PasswordRefused,
    UnknownRole,
    errors.UsernameReserved,
    errors.EmailTaken,
    errors.UsernameTaken,
    errors.ExternalIdTaken,
    TooBusy,
)
REGISTRATION_REFUSED = (
    errors.RegistrationClosed,
    errors.NoAdminYet,
    errors.EmailLookalike,
    *THROTTLED,
)
PROOF_REFUSED = (errors.LastAdmin, errors.WrongPassword, *THROTTLED)


def may_see(user_id: str) -> bool:
    """Whether a response may show a user; see `Declaration.is_visible`."""
    return policy.may_see(current_principal(), user_id)


def get_viewer() -> Viewer:
    """Return who reads the users of a response; see `Declaration.get_viewer`."""
    return policy.get_viewer(current_principal())


CHANGE: dict[str, Any] = {
    "body": UserPatch,
    "returns": UserOut,
    "conditional": True,
    "is_visible": may_see,
    "get_viewer": get_viewer,
    "errors": (
        errors.UserNotFound,
        *VALUES_REFUSED,
        errors.EmailLookalike,
        errors.CurrentPasswordNeeded,
        *PROOF_REFUSED,
    ),
}


class UserCollection(UserResource):
    @anyone_or(Permission.USERS_CREATE)
    @endpoint(
        "create_user",
        "User created.",
        body=UserCreate,
        returns=UserOut,
        status=201,
        location=lambda user: url_for(".user", ref=user.pk),
        idempotent=True,
        accepted="A message with a link is on its way to this address.",
        is_visible=may_see,
        get_viewer=get_viewer,
        errors=(*VALUES_REFUSED, *REGISTRATION_REFUSED, errors.IdTaken, Forbidden),
    )
    def post(self, body: UserCreate) -> Reply:
        """Create a user, or register.

        Anyone may register while registration is open and there is an admin. The role is then
        `user`; another one needs `users:set_role`. The e-mail address and the username must be
        unique, in any spelling.

        With EMAIL_VERIFICATION=required, a registration gets status 202 whether the address is
        taken or not, and the link that its owner gets creates the user.
        """
        return Reply(self.services.registration.register(body, actor=current_principal()))

    @requires(Permission.USERS_LIST)
    @endpoint(
        "list_users",
        "Users listed.",
        query=UserQuery,
        returns=UserListOut,
        many=True,
        get_viewer=get_viewer,
        errors=(errors.TooBroad,),
    )
    def get(self, query: UserQuery) -> Reply:
        """List users, a page at a time.

        A page past the end is empty. The Link header has the first, previous, next and last page.
        `next_cursor` continues after this page, whatever is created or deleted meanwhile, and is
        as fast for page 5,000 as for the first.

        Totals are exact, or null: with `q`, dates, an address or a username, at most 1,000
        matches are counted. More than 10,000 matches of `q` are not sorted by name, username or
        e-mail address.
        """
        actor = current_principal()
        page = self.services.users.list_users(query.page_request(), query.selection(), actor=actor)
        return Reply(page, only=query.shown_fields())


class UserItem(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.USERS_READ, or_self=True)
    @endpoint(
        "read_user",
        "User found.",
        returns=UserOut,
        is_visible=may_see,
        get_viewer=get_viewer,
        errors=(errors.UserNotFound,),
    )
    def get(self, ref: str) -> Reply:
        """Read a user: yourself, or with `users:read` anyone."""
        return Reply(self.services.users.read_user(ref, actor=current_principal()))

    @requires(Permission.USERS_UPDATE, or_self=True)
    @endpoint(
        "change_user",
        "User updated.",
        **CHANGE | {"json_patch": JsonPatch, "errors": (*CHANGE["errors"], PatchConflict)},
    )
    def patch(self, ref: str, body: UserPatch | JsonPatch, expected: Expected) -> Reply:
        """Change the fields of a user that are sent.

        A field that is left out stays as it is; null clears an optional one. When nothing
        changes, there is no new version. A JSON Patch (RFC 6902) is applied to the user as GET
        shows it, all operations or none, and needs the right to read it.

        Your own e-mail address and password need `current_password`; a new password ends all your
        other sessions. A new address is the `pending_email` until you have confirmed it by the link
        that it gets, unless EMAIL_VERIFICATION=off; the current one cancels that. For other users,
        these two need `users:set_credentials`, the role needs `users:set_role`, and everything else
        `users:update`.
        """
        if isinstance(body, UserPatch):
            return self._change(ref, body, expected)
        actor, changes = current_principal(), self.services.changes
        return Reply(changes.patch_user(ref, body, actor=actor, expected=expected))

    @requires(Permission.USERS_UPDATE, or_self=True)
    @endpoint("update_user", "User updated.", **CHANGE)
    def put(self, ref: str, body: UserPatch, expected: Expected) -> Reply:
        """Change the fields of a user that are sent, for clients that can only PUT.

        The same as PATCH: a field that is left out is not cleared.
        """
        return self._change(ref, body, expected)

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
        is_visible=may_see,
        get_viewer=get_viewer,
        errors=(errors.UserNotFound, errors.RecentSignInNeeded, TooBusy, *PROOF_REFUSED),
    )
    def delete(self, ref: str, body: UserDelete, query: RemoveQuery, expected: Expected) -> Reply:
        """Delete a user, and end their sessions.

        A deleted user is in no response any more, and their e-mail address and username are free.
        They are kept for RETENTION_DAYS, in which `POST .../restore` undoes the deletion. With
        `purge=true` they are deleted for good; a user who was deleted before is purged by id.

        Your own account needs `current_password`, or a session that began less than 5 minutes
        ago. With `Prefer: return=representation`, a caller who may read the user gets 200 and the
        user as it was.
        """
        deletion = self.services.deletion
        remove = deletion.purge_user if query.purge else deletion.delete_user
        actor, password = current_principal(), body.current_password
        return Reply(remove(ref, actor=actor, expected=expected, current_password=password))

    def _change(self, ref: str, body: UserPatch, expected: Expected) -> Reply:
        actor = current_principal()
        changes = self.services.changes
        return Reply(changes.change_user(ref, body, actor=actor, expected=expected))


class UserRestore(UserResource):
    path_parameters: ClassVar = REF

    @requires(Permission.USERS_RESTORE)
    @endpoint(
        "restore_user",
        "User restored.",
        returns=UserOut,
        conditional=True,
        idempotent=True,
        is_visible=may_see,
        get_viewer=get_viewer,
        errors=(
            errors.UserNotFound,
            errors.NotDeleted,
            errors.SeveralDeleted,
            errors.EmailTaken,
            errors.UsernameTaken,
            errors.ExternalIdTaken,
            UnknownRole,
        ),
    )
    def post(self, ref: str, expected: Expected) -> Reply:
        """Undo the deletion of a user.

        By id, or by an e-mail address or username that only one deleted user had; otherwise 409
        lists their ids. It is 409, too, when another user has the address, the username or the
        external id now. Where If-Match is required, `*` is enough.
        """
        actor, deletion = current_principal(), self.services.deletion
        return Reply(deletion.restore_user(ref, actor=actor, expected=expected))


def register(api: Api, services: Services) -> None:
    kwargs = {"services": services}
    resources: list[tuple[type[UserResource], str, str]] = [
        (UserCollection, "/users", "users"),
        (UserItem, "/users/<ref:ref>", "user"),
        (UserHistory, "/users/<ref:ref>/history", "user_history"),
        (UserRestore, "/users/<ref:ref>/restore", "user_restore"),
        (UserSessions, "/users/<ref:ref>/sessions", "user_sessions"),
    ]
    for resource, path, name in resources:
        api.add_resource(resource, path, endpoint=name, resource_class_kwargs=kwargs)
