"""Change a user: authorize, verify credentials, apply."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.kit.clock import Clock
from rollbook.kit.errors import StaleVersion, ValidationFailed
from rollbook.kit.events import Events
from rollbook.kit.json_patch import JsonPatch
from rollbook.kit.merge_patch import build_patch
from rollbook.kit.preconditions import ANY, Expected
from rollbook.kit.validation import render_details
from rollbook.metadata.schema_file import MetadataSchemas
from rollbook.metadata.values import KINDS
from rollbook.passwords.hashing import PasswordHasher
from rollbook.passwords.service import PasswordService
from rollbook.roles.policy import require_grantable
from rollbook.roles.service import RoleService
from rollbook.sessions.service import SessionService
from rollbook.storage.transactions import transactional
from rollbook.users import policy, stored_fields
from rollbook.users.authorization import (
    audit_user_change,
    get_accessible_user,
    require_another_admin,
    require_authority_over,
)
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import CurrentPasswordNeeded, WrongPassword
from rollbook.users.events import AddressPending, UserChanged
from rollbook.users.owner_proof import OwnerProof
from rollbook.users.pending_address import make_address_pending
from rollbook.users.registration import refuse_lookalike
from rollbook.users.schemas import UserOut, UserPatch

MAX_PATCH_ATTEMPTS = 5


@dataclass(frozen=True)
class _Change:
    """`before`: the user as it was read. `wanted`: stored fields and their new values.

    `asked`: the names, in the API, of the fields that would change.
    """

    before: User
    patch: UserPatch
    wanted: Mapping[str, Any]
    asked: Set[str]
    needs_current_password: bool


@dataclass(frozen=True)
class ChangeService:
    clock: Clock
    passwords: PasswordService
    roles: RoleService
    sessions: SessionService
    proof: OwnerProof
    length_limits: Mapping[str, int]
    metadata: MetadataSchemas
    events: Events
    verification: policy.Verification

    def change_user(
        self, ref: str, patch: UserPatch, *, actor: Principal, expected: Expected = ANY
    ) -> User:
        """Change what was sent and differs. Without a difference there is no new version.

        A new address of one's own waits until it is confirmed, unless EMAIL_VERIFICATION=off.

        Raises: UserNotFound, Unauthenticated, Forbidden, StaleVersion, CurrentPasswordNeeded,
        WrongPassword, PasswordRefused, UnknownRole, LastAdmin, TooManyRequests, TooBusy,
        EmailTaken, UsernameTaken.
        """
        if policy.CREDENTIALS.isdisjoint(patch.model_fields_set):
            return self._authorize_and_change(ref, patch, expected, actor=actor)
        change = self._authorize(ref, patch, actor, expected)
        wanted = {**change.wanted, **self._verify_credentials(change, actor)}
        return self._change_if_proven(change, wanted, expected, actor=actor)

    def patch_user(
        self, ref: str, operations: JsonPatch, *, actor: Principal, expected: Expected = ANY
    ) -> User:
        """Apply a JSON Patch to what the API shows of the user, all operations or none.

        A concurrent change starts it again, so that its tests hold when it commits.

        Raises: PatchConflict, ValidationFailed; as `change_user`.
        """
        for _ in range(MAX_PATCH_ATTEMPTS):
            user = get_accessible_user(ref, Permission.USERS_UPDATE, actor)
            policy.require_may_see(actor, user)
            expected.check(user.version)
            patch = self._build_patch(user, operations, actor)
            try:
                seen = Expected(frozenset({user.version}))
                return self.change_user(str(user.pk), patch, actor=actor, expected=seen)
            except StaleVersion:
                continue
        raise StaleVersion()

    def _build_patch(self, user: User, operations: JsonPatch, actor: Principal) -> UserPatch:
        """Build the change that turns the user into what `operations` make of it."""
        viewer = policy.get_viewer(actor)
        before = UserOut.model_validate(user, context=viewer).model_dump(mode="json")
        sent = build_patch(before, operations.apply(before))
        try:
            return UserPatch.model_validate_json(to_json(sent), context=self.length_limits)
        except ValidationError as error:
            raise ValidationFailed(details=render_details(error)) from None

    def _authorize(
        self, ref: str, patch: UserPatch, actor: Principal, expected: Expected
    ) -> _Change:
        before = get_accessible_user(ref, Permission.USERS_UPDATE, actor)
        sent = patch.model_dump(exclude_unset=True)
        # Whether a value differs must not reveal a field that the caller may not read.
        policy.require_may_change(actor, before, sent.keys() & {"private_metadata"})
        wanted = stored_fields.build_stored_fields(sent)
        differing = stored_fields.find_differences(before, wanted).keys() | sent.keys() & {
            "password"
        }
        asked = stored_fields.get_public_names(differing)
        if "email" in asked and sent.get("email_verified"):
            asked.add("email_verified")  # That of the new address, whatever the old one was.
        require_authority_over(self.roles, actor, before)
        policy.require_may_change(actor, before, asked)
        if "username" in asked:
            policy.require_username_allowed(actor, patch.username, own=True)
        waits = policy.needs_confirmation(self.verification, actor, before, wanted)
        is_vouched = not waits and actor.may(Permission.USERS_SET_CREDENTIALS)
        is_hidden = waits and self.verification == "required"
        if "email" in asked and not is_vouched and not is_hidden:
            refuse_lookalike(patch.email, besides=before.pk)
        expected.check(before.version)
        self._require_may_take_over(before, asked, actor)
        needs_proof = policy.needs_current_password(actor, before, asked)
        return _Change(before, patch, wanted, asked, needs_proof)

    def _verify_credentials(self, change: _Change, actor: Principal) -> dict[str, Any]:
        """Verify the current password of an owner. Return the new hash, if the password changes."""
        patch = change.patch
        changes_password = "password" in change.asked
        if change.needs_current_password and patch.current_password is None:
            raise CurrentPasswordNeeded()
        if not change.needs_current_password and not changes_password:
            return {}
        if changes_password:
            self.passwords.check_not_breached(patch.password.get_secret_value())
        with self.passwords.gate.enter() as hasher:
            if change.needs_current_password:
                current = patch.current_password
                self.proof.check_password(change.before, current, actor=actor, hasher=hasher)
            if not changes_password:
                return {}
            return {"password_hash": self._hash_new_password(change, hasher)}

    def _hash_new_password(self, change: _Change, hasher: PasswordHasher) -> str:
        """Return the new hash, or the stored one if the owner sets the same password again."""
        patch, before = change.patch, change.before
        password = patch.password.get_secret_value()
        proven = change.needs_current_password
        if proven and password == patch.current_password.get_secret_value():
            return before.password_hash  # type: ignore[no-any-return] # MongoEngine has no types
        sent = patch.model_dump(exclude_unset=True)
        personal = [sent.get(n, getattr(before, n)) for n in policy.IDENTIFYING_FIELDS]
        self.passwords.check_policy(password, personal)
        return hasher.hash(password)

    @transactional()
    def _authorize_and_change(
        self, ref: str, patch: UserPatch, expected: Expected, *, actor: Principal
    ) -> User:
        """Change what needs no password: no hash has to be computed before the transaction."""
        change = self._authorize(ref, patch, actor, expected)
        return self._change(change.before, change.wanted, actor)

    @transactional()
    def _change_if_proven(
        self, change: _Change, wanted: Mapping[str, Any], expected: Expected, *, actor: Principal
    ) -> User:
        user = users.get(change.before.pk)
        expected.check(user.version)
        if user.password_hash != change.before.password_hash and change.needs_current_password:
            raise WrongPassword()  # It was the current password when it was verified.
        return self._change(user, wanted, actor)

    def _change(self, user: User, wanted: Mapping[str, Any], actor: Principal) -> User:
        """Change what differs, inside a transaction, which has read `user`."""
        waits = policy.needs_confirmation(self.verification, actor, user, wanted)
        if waits:
            wanted = make_address_pending(wanted, self.verification)
        elif not wanted.keys().isdisjoint({"email_key", "password_hash"}):
            wanted = {**wanted, "pending_email": None}
        changed = self._write(user, wanted, actor)
        if waits:
            self.events.publish(AddressPending(changed, actor))
        return changed

    def _write(self, user: User, wanted: Mapping[str, Any], actor: Principal) -> User:
        now = self.clock()
        fields = stored_fields.find_differences(user, wanted)
        if not fields:
            return user
        self._authorize_again(user, fields, actor)
        for kind in KINDS & fields.keys():
            self.metadata.check(kind, fields[kind])
        stored = fields | stored_fields.build_search_fields(user, fields)
        stored |= stored_fields.build_verification(fields, now, wanted=wanted)
        changed = users.update_from(user, at=now, fields=stored)
        self._end_sessions(changed, fields, actor)
        changes = policy.describe_changes(user, changed)
        audit_user_change(policy.get_change_action(changes), changed, changes, actor, now)
        self.events.publish(UserChanged(user, changed, actor))
        return changed

    def _authorize_again(self, user: User, fields: Mapping[str, Any], actor: Principal) -> None:
        """Authorize on what is stored now, and with what only a transaction can decide."""
        asked = stored_fields.get_public_names(fields.keys())
        require_authority_over(self.roles, actor, user)
        policy.require_may_change(actor, user, asked)
        if "role" in fields:
            old = self.roles.get_permissions(user.role)
            require_grantable(actor, self.roles.lock_role(fields["role"]) | old)
        self._require_may_take_over(user, asked, actor)
        if policy.removes_admin(user, fields):
            require_another_admin(self.roles, user.pk)

    def _require_may_take_over(self, user: User, asked: Set[str], actor: Principal) -> None:
        """Refuse a takeover before a password is compared, which would confirm a guess."""
        if policy.is_takeover(actor, user, asked):
            require_grantable(actor, self.roles.get_permissions(user.role))

    def _end_sessions(self, user: User, fields: Mapping[str, Any], actor: Principal) -> None:
        """End all sessions of a disabled user, and all but the caller's after a new password."""
        if not user.is_active:
            self.sessions.delete_sessions(user.pk)
        elif "password_hash" in fields:
            self.sessions.delete_sessions(user.pk, besides=actor.session_id)
