"""Generated from docs/openapi.json by `make clients`."""

from typing import Any, Unpack, overload

from rollbook_client import types
from rollbook_client._sync.connection import Connection
from rollbook_client._sync.pages import Pages
from rollbook_client.messages import IfMatch, build_if_match, build_key, quote


class Client(Connection):
    """A session with one rollbook, with a method for each of its operations.

    Fields of a body are named arguments. None sets a field to null; leave it out to keep it.
    """

    def read_me(self) -> types.MeOut:
        """Read your own user and permissions."""
        data: types.MeOut = self.send("GET", "/auth/me")
        return data

    def end_other_sessions(self) -> None:
        """End all your sessions except the current one."""
        self.send("DELETE", "/auth/sessions")

    def list_sessions(
        self, *, page_size: int | None = None, page: int | None = None
    ) -> Pages[types.SessionOut]:
        """List your own sessions, the latest sign-in first.

        Args:
            page: counts from 1, the default
        """
        return self.pages("/auth/sessions", {"page_size": page_size, "page": page})

    def end_session(self, id: str, /) -> None:
        """End one of your own sessions.

        Raises: RollbookError: session_not_found.
        """
        self.send("DELETE", f"/auth/sessions/{quote(id)}")

    def request_verification(self, **body: Unpack[types.AddressIn]) -> None:
        """Send a link that verifies an address, unless it is verified.

        The response is the same whether an account has the address or not. The link is valid once,
        for 24 hours; a newer one replaces it.

        Raises: RollbookError: mail_not_configured, limits_unavailable.
        """
        self.send("POST", "/auth/verification", json=body)

    def confirm_verification(self, **body: Unpack[types.TokenIn]) -> types.UserOut:
        """Verify an address with the token of a link, which its owner got.

        A pending one becomes the user's address, and a registration that waits for its link
        becomes a user. It is 409 if another user has the address by then.

        Raises: RollbookError: registration_closed, email_taken, email_lookalike,
            limits_unavailable.
        """
        data: types.UserOut = self.send("POST", "/auth/verification/confirm", json=body)
        return data

    def forget_password(self, **body: Unpack[types.AddressIn]) -> None:
        """Send a link to set a new password.

        The response is the same whether an account has the address or not; a disabled account gets
        nothing. The link is valid once, for one hour; a newer one replaces it.

        Raises: RollbookError: mail_not_configured, limits_unavailable.
        """
        self.send("POST", "/auth/password/forgot", json=body)

    def reset_password(self, **body: Unpack[types.PasswordResetIn]) -> None:
        """Set a new password with the token of a link, and end all sessions.

        It verifies the address too, and a message tells the owner. A password that the policy
        refuses leaves the link valid.

        Raises: RollbookError: password_refused, too_busy, limits_unavailable.
        """
        self.send("POST", "/auth/password/reset", json=body)

    def undo_email(self, **body: Unpack[types.TokenIn]) -> None:
        """Put a former address back, with the token of the message that it got at the change.

        It ends all sessions, and sends a link to set a new password. The token is valid for 7 days.

        Raises: RollbookError: email_taken, limits_unavailable.
        """
        self.send("POST", "/auth/email/undo", json=body)

    def request_sign_in_link(self, **body: Unpack[types.AddressIn]) -> None:
        """Send a link to sign in without a password, where SIGN_IN_LINKS allows it.

        The response is the same whether an account has the address or not. The link is valid once,
        for 15 minutes.

        Raises: RollbookError: sign_in_links_off, mail_not_configured, limits_unavailable.
        """
        self.send("POST", "/auth/link", json=body)

    def confirm_sign_in_link(self, **body: Unpack[types.LinkSignInIn]) -> types.SignedInOut:
        """Sign in with the token of a link. The response is that of a sign-in.

        It verifies the address. If it was not verified before, the password and all other sessions
        end: a stranger may have registered with it.

        Raises: RollbookError: sign_in_links_off, origin_not_allowed, limits_unavailable.
        """
        data: types.SignedInOut = self.send("POST", "/auth/link/confirm", json=body)
        return data

    @overload
    def list_users(
        self,
        *,
        page_size: int | None = None,
        page: int | None = None,
        sort: str | None = None,
        role: str | None = None,
        is_active: bool | None = None,
        email_verified: bool | None = None,
        email: str | None = None,
        username: str | None = None,
        external_id: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        q: str | None = None,
    ) -> Pages[types.UserOut]: ...
    @overload
    def list_users(
        self,
        *,
        page_size: int | None = None,
        page: int | None = None,
        sort: str | None = None,
        role: str | None = None,
        is_active: bool | None = None,
        email_verified: bool | None = None,
        email: str | None = None,
        username: str | None = None,
        external_id: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        q: str | None = None,
        fields: str | None = None,
        include_deleted: bool | None = None,
    ) -> Pages[types.UserListOut]: ...
    def list_users(
        self,
        *,
        page_size: int | None = None,
        page: int | None = None,
        sort: str | None = None,
        role: str | None = None,
        is_active: bool | None = None,
        email_verified: bool | None = None,
        email: str | None = None,
        username: str | None = None,
        external_id: str | None = None,
        created_after: str | None = None,
        created_before: str | None = None,
        q: str | None = None,
        fields: str | None = None,
        include_deleted: bool | None = None,
    ) -> Pages[Any]:
        """List users, a page at a time.

        A page past the end is empty. The Link header has the first, previous, next and last page.
        `next_cursor` continues after this page, whatever is created or deleted meanwhile, and is
        as fast for page 5,000 as for the first.

        Totals are exact, or null: with `q`, dates, an address or a username, at most 1,000
        matches are counted. More than 10,000 matches of `q` are not sorted by name, username or
        e-mail address.

        Args:
            page: counts from 1, the default
            sort: keys separated by commas, `-` for descending; the id breaks ties
            email: this address, in any spelling
            username: this username, in any case
            external_id: this external id, exactly
            created_after: later than this time (RFC 3339)
            created_before: before this time (RFC 3339)
            q: words, with each of which a word of the name, the username, the e-mail address or its
                domain begins
            fields: the fields to show, separated by commas
            include_deleted: needs `users:restore`

        Raises: RollbookError: too_broad.
        """
        return self.pages(
            "/users",
            {
                "page_size": page_size,
                "page": page,
                "sort": sort,
                "role": role,
                "is_active": is_active,
                "email_verified": email_verified,
                "email": email,
                "username": username,
                "external_id": external_id,
                "created_after": created_after,
                "created_before": created_before,
                "q": q,
                "fields": fields,
                "include_deleted": include_deleted,
            },
        )

    def create_user(
        self, *, idempotency_key: str | None = None, **body: Unpack[types.UserCreate]
    ) -> types.UserOut | None:
        """Create a user, or register.

        Anyone may register while registration is open and there is an admin. The role is then
        `user`; another one needs `users:set_role`. The e-mail address and the username must be
        unique, in any spelling.

        With EMAIL_VERIFICATION=required, a registration gets status 202 whether the address is
        taken or not, and the link that its owner gets creates the user.

        Args:
            idempotency_key: a random one, unless you have one

        Raises: RollbookError: password_refused, unknown_role, username_reserved,
            registration_closed, no_admin_yet, email_taken, username_taken, external_id_taken,
            email_lookalike, id_taken, idempotency_key_in_flight, idempotency_key_reused, too_busy,
            limits_unavailable.
        """
        data: types.UserOut | None = self.send(
            "POST", "/users", json=body, headers=build_key(idempotency_key)
        )
        return data

    def delete_user(
        self,
        ref: str,
        /,
        *,
        purge: bool | None = None,
        if_match: IfMatch = None,
        **body: Unpack[types.UserDelete],
    ) -> None:
        """Delete a user, and end their sessions.

        A deleted user is in no response any more, and their e-mail address and username are free.
        They are kept for RETENTION_DAYS, in which `POST .../restore` undoes the deletion. With
        `purge=true` they are deleted for good; a user who was deleted before is purged by id.

        Your own account needs `current_password`, or a session that began less than 5 minutes
        ago. With `Prefer: return=representation`, a caller who may read the user gets 200 and the
        user as it was.

        Args:
            purge: for good; needs `users:purge`
            if_match: the version that you read; stale_version if it has changed

        Raises: RollbookError: recent_sign_in_needed, wrong_password, user_not_found, last_admin,
            stale_version, too_busy, limits_unavailable.
        """
        self.send(
            "DELETE",
            f"/users/{quote(ref)}",
            json=body or None,
            query={"purge": purge},
            headers=build_if_match(if_match),
        )

    def read_user(self, ref: str, /) -> types.UserOut:
        """Read a user: yourself, or with `users:read` anyone.

        Raises: RollbookError: user_not_found.
        """
        data: types.UserOut = self.send("GET", f"/users/{quote(ref)}")
        return data

    def change_user(
        self, ref: str, /, *, if_match: IfMatch = None, **body: Unpack[types.UserPatch]
    ) -> types.UserOut | None:
        """Change the fields of a user that are sent.

        A field that is left out stays as it is; null clears an optional one. When nothing
        changes, there is no new version. A JSON Patch (RFC 6902) is applied to the user as GET
        shows it, all operations or none, and needs the right to read it.

        Your own e-mail address and password need `current_password`; a new password ends all your
        other sessions. A new address is the `pending_email` until you have confirmed it by the link
        that it gets, unless EMAIL_VERIFICATION=off; the current one cancels that. For other users,
        these two need `users:set_credentials`, the role needs `users:set_role`, and everything else
        `users:update`.

        Args:
            if_match: the version that you read; stale_version if it has changed

        Raises: RollbookError: password_refused, unknown_role, username_reserved,
            current_password_needed, wrong_password, user_not_found, email_taken, username_taken,
            external_id_taken, email_lookalike, last_admin, patch_conflict, stale_version, too_busy,
            limits_unavailable.
        """
        data: types.UserOut | None = self.send(
            "PATCH", f"/users/{quote(ref)}", json=body, headers=build_if_match(if_match)
        )
        return data

    def list_user_history(
        self, ref: str, /, *, page_size: int | None = None
    ) -> Pages[types.AuditEntryOut]:
        """List every change of a user, the latest first: before, after, and who changed it.

        With `audit:read` also of a deleted user, and by id of a purged one.

        Raises: RollbookError: user_not_found, several_deleted.
        """
        return self.pages(f"/users/{quote(ref)}/history", {"page_size": page_size})

    def restore_user(
        self, ref: str, /, *, if_match: IfMatch = None, idempotency_key: str | None = None
    ) -> types.UserOut | None:
        """Undo the deletion of a user.

        By id, or by an e-mail address or username that only one deleted user had; otherwise 409
        lists their ids. It is 409, too, when another user has the address, the username or the
        external id now. Where If-Match is required, `*` is enough.

        Args:
            if_match: the version that you read; stale_version if it has changed
            idempotency_key: a random one, unless you have one

        Raises: RollbookError: unknown_role, user_not_found, not_deleted, several_deleted,
            email_taken, username_taken, external_id_taken, idempotency_key_in_flight,
            stale_version, idempotency_key_reused.
        """
        data: types.UserOut | None = self.send(
            "POST",
            f"/users/{quote(ref)}/restore",
            headers=build_if_match(if_match) | build_key(idempotency_key),
        )
        return data

    def end_user_sessions(self, ref: str, /) -> None:
        """Sign a user out everywhere, except for the session that calls.

        Raises: RollbookError: user_not_found.
        """
        self.send("DELETE", f"/users/{quote(ref)}/sessions")

    def list_user_sessions(
        self, ref: str, /, *, page_size: int | None = None, page: int | None = None
    ) -> Pages[types.SessionOut]:
        """List the sessions of a user, the latest sign-in first.

        Args:
            page: counts from 1, the default

        Raises: RollbookError: user_not_found.
        """
        return self.pages(f"/users/{quote(ref)}/sessions", {"page_size": page_size, "page": page})

    def list_invitations(self, *, page_size: int | None = None) -> Pages[types.InvitationOut]:
        """List pending invitations, the latest first."""
        return self.pages("/invitations", {"page_size": page_size})

    def invite_user(
        self, *, idempotency_key: str | None = None, **body: Unpack[types.InvitationIn]
    ) -> types.InvitationOut:
        """Invite somebody by e-mail, also while registration is closed.

        The link is valid once, for 7 days. A role other than `user` needs `users:set_role`, and the
        permissions that it grants. The message tells somebody who has an account to sign in.

        Args:
            idempotency_key: a random one, unless you have one

        Raises: RollbookError: unknown_role, already_invited, idempotency_key_in_flight,
            idempotency_key_reused, mail_not_configured.
        """
        data: types.InvitationOut = self.send(
            "POST", "/invitations", json=body, headers=build_key(idempotency_key)
        )
        return data

    def end_invitation(self, id: str, /) -> None:
        """End a pending invitation. Its link is not valid any more.

        Raises: RollbookError: invitation_not_found.
        """
        self.send("DELETE", f"/invitations/{quote(id)}")

    def resend_invitation(self, id: str, /, *, idempotency_key: str | None = None) -> None:
        """Send a pending invitation again, with a new link, which is valid for 7 days.

        Args:
            idempotency_key: a random one, unless you have one

        Raises: RollbookError: invitation_not_found, idempotency_key_in_flight,
            idempotency_key_reused, mail_not_configured.
        """
        self.send("POST", f"/invitations/{quote(id)}/resend", headers=build_key(idempotency_key))

    def read_invitation(self, *, token: str) -> types.InvitationShownOut:
        """Read the invitation of a link, for a form. The link stays valid.

        Args:
            token: of the link
        """
        data: types.InvitationShownOut = self.send(
            "GET", "/auth/invitation", query={"token": token}
        )
        return data

    def accept_invitation(self, **body: Unpack[types.AcceptanceIn]) -> types.UserOut:
        """Create the user who is invited, with a verified address.

        It is 400 when the inviter could not grant the role any more, and 409 when a user has the
        address by then.

        Raises: RollbookError: password_refused, username_reserved, username_taken, email_taken,
            too_busy, limits_unavailable.
        """
        data: types.UserOut = self.send("POST", "/auth/invitation/accept", json=body)
        return data

    def read_password_policy(self) -> types.PasswordPolicyOut:
        """Read what a password has to be."""
        data: types.PasswordPolicyOut = self.send("GET", "/password-policy")
        return data

    def read_metadata_schemas(self) -> types.MetadataSchemasOut:
        """Read the schemas that metadata has to match (METADATA_SCHEMAS)."""
        data: types.MetadataSchemasOut = self.send("GET", "/metadata-schemas")
        return data

    def list_roles(
        self, *, page_size: int | None = None, page: int | None = None
    ) -> Pages[types.RoleOut]:
        """List roles, by name.

        Args:
            page: counts from 1, the default
        """
        return self.pages("/roles", {"page_size": page_size, "page": page})

    def create_role(
        self, *, idempotency_key: str | None = None, **body: Unpack[types.RoleCreate]
    ) -> types.RoleOut:
        """Create a role.

        Nobody grants a permission that they do not hold.

        Args:
            idempotency_key: a random one, unless you have one

        Raises: RollbookError: role_taken, idempotency_key_in_flight, idempotency_key_reused.
        """
        data: types.RoleOut = self.send(
            "POST", "/roles", json=body, headers=build_key(idempotency_key)
        )
        return data

    def delete_role(self, name: str, /, *, if_match: IfMatch = None) -> None:
        """Delete a role that no user has.

        Args:
            if_match: the version that you read; stale_version if it has changed

        Raises: RollbookError: role_not_found, role_built_in, role_in_use, stale_version.
        """
        self.send("DELETE", f"/roles/{quote(name)}", headers=build_if_match(if_match))

    def read_role(self, name: str, /) -> types.RoleOut:
        """Read a role.

        Raises: RollbookError: role_not_found.
        """
        data: types.RoleOut = self.send("GET", f"/roles/{quote(name)}")
        return data

    def put_role(
        self, name: str, /, *, if_match: IfMatch = None, **body: Unpack[types.RolePut]
    ) -> types.RoleOut:
        """Change what a role allows, from the next request on.

        The caller must hold the permissions that are added or removed. The role admin cannot be
        changed. Everyone who registers gets what the role `user` allows.

        Args:
            if_match: the version that you read; stale_version if it has changed

        Raises: RollbookError: role_not_found, role_built_in, stale_version.
        """
        data: types.RoleOut = self.send(
            "PUT", f"/roles/{quote(name)}", json=body, headers=build_if_match(if_match)
        )
        return data

    def list_permissions(
        self, *, page_size: int | None = None, page: int | None = None
    ) -> Pages[types.PermissionOut]:
        """List the permissions of your own, by name.

        Args:
            page: counts from 1, the default
        """
        return self.pages("/permissions", {"page_size": page_size, "page": page})

    def create_permission(
        self, *, idempotency_key: str | None = None, **body: Unpack[types.PermissionCreate]
    ) -> types.PermissionOut:
        """Create a permission of your own, such as `orders:read`.

        rollbook gives it to roles, and shows it to your services: in `/auth/me`, by introspection,
        and with TOKEN_CLAIMS in access tokens.

        Args:
            idempotency_key: a random one, unless you have one

        Raises: RollbookError: permission_taken, too_many_permissions, idempotency_key_in_flight,
            idempotency_key_reused.
        """
        data: types.PermissionOut = self.send(
            "POST", "/permissions", json=body, headers=build_key(idempotency_key)
        )
        return data

    def delete_permission(self, name: str, /) -> None:
        """Delete a permission of your own that no role holds.

        Raises: RollbookError: permission_not_found, permission_in_use.
        """
        self.send("DELETE", f"/permissions/{quote(name)}")

    def list_audit(
        self,
        *,
        page_size: int | None = None,
        user: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Pages[types.AuditEntryOut]:
        """Read the audit log, the latest entry first.

        With `audit:read` all of it. Without it, what you did yourself and what happened to your
        account, such as failed sign-ins and where they came from.

        Args:
            user: the user it was done to
            actor: the user who did it
            since: at this time or later
            until: before this time
        """
        return self.pages(
            "/audit",
            {
                "page_size": page_size,
                "user": user,
                "actor": actor,
                "action": action,
                "since": since,
                "until": until,
            },
        )
