"""Delete, restore and purge users."""

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pydantic import SecretStr

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.audit.service import redact, redact_origins
from rollbook.idempotency.dao import idempotency_records
from rollbook.kit.clock import Clock
from rollbook.kit.events import Events
from rollbook.kit.preconditions import ANY, Expected
from rollbook.roles.built_in import USER
from rollbook.roles.policy import require_grantable
from rollbook.roles.service import RoleService
from rollbook.sessions.service import SessionService
from rollbook.storage.transactions import transactional
from rollbook.users import policy
from rollbook.users.authorization import (
    audit_user_change,
    get_accessible_user,
    require_another_admin,
    require_authority_over,
)
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import NotDeleted, UserNotFound
from rollbook.users.events import UserDeleted, UserPurged
from rollbook.users.owner_proof import OwnerProof
from rollbook.users.references import Reference

PURGE_SECONDS = 15
MAX_REDACTED_AT_ONCE = 10_000
"""Audit entries that the transaction of a purge redacts.

A user of many years has more; those are redacted before it.
"""


@dataclass(frozen=True)
class DeletionService:
    """`deletion_clock` tells when a user is deleted.

    It shows the later time of this machine and MongoDB, so that a clock that is behind does not let
    a user be purged early.
    """

    clock: Clock
    deletion_clock: Clock
    roles: RoleService
    sessions: SessionService
    proof: OwnerProof
    events: Events

    def delete_user(
        self,
        ref: str,
        *,
        actor: Principal,
        expected: Expected = ANY,
        current_password: SecretStr | None = None,
    ) -> User:
        """Delete a user, and return the deleted user.

        Raises: UserNotFound, Unauthenticated, Forbidden, StaleVersion, LastAdmin; as
        `OwnerProof.require_recent`.
        """
        user = get_accessible_user(ref, Permission.USERS_DELETE, actor)
        self.proof.require_recent(user, current_password, actor=actor)
        return self._delete(user.pk, expected, actor=actor)

    @transactional()
    def _delete(self, id: ObjectId, expected: Expected, *, actor: Principal) -> User:
        now = self.clock()
        user = users.get(id)
        self._require_may_end(user, actor)
        expected.check(user.version)
        fields = {"is_deleted": True, "deleted_at": self.deletion_clock()}
        deleted = users.update_from(user, at=now, fields=fields)
        self.sessions.delete_sessions(id)
        audit_user_change("user.deleted", deleted, _describe(user, deleted), actor, now)
        self.events.publish(UserDeleted(deleted, actor))
        return deleted

    def restore_user(self, ref: str, *, actor: Principal, expected: Expected = ANY) -> User:
        """Restore a deleted user.

        Raises: UserNotFound, Forbidden, StaleVersion, NotDeleted, SeveralDeleted, EmailTaken,
        UsernameTaken, ExternalIdTaken.
        """
        reference = policy.resolve_reference(ref, actor, Permission.USERS_RESTORE)
        return self._restore(reference, expected, actor=actor)

    @transactional()
    def _restore(self, reference: Reference, expected: Expected, *, actor: Principal) -> User:
        now = self.clock()
        user = users.find_deleted(reference)
        if user is None:
            users.get_by_reference(reference)
            raise NotDeleted()
        require_authority_over(self.roles, actor, user)
        expected.check(user.version)
        if user.role != USER:
            require_grantable(actor, self.roles.lock_role(user.role))
        fields = {"is_deleted": False, "deleted_at": None}
        restored = users.update_from(user, at=now, fields=fields)
        audit_user_change("user.restored", restored, _describe(user, restored), actor, now)
        return restored

    def purge_user(
        self,
        ref: str,
        *,
        actor: Principal,
        expected: Expected = ANY,
        current_password: SecretStr | None = None,
    ) -> User:
        """Purge a user, and return the user as it was.

        A user who was deleted before is found by id only: somebody else may have the address now.

        Raises: UserNotFound, Unauthenticated, Forbidden, StaleVersion, LastAdmin; as
        `OwnerProof.require_recent`.
        """
        policy.require_may_purge(actor)
        reference = policy.resolve_reference(ref, actor, Permission.USERS_PURGE)
        user = self._get_purgeable(reference, expected, actor)
        self.proof.require_recent(user, current_password, actor=actor)
        redact_origins(str(user.pk), beyond=MAX_REDACTED_AT_ONCE)
        return self._purge(reference, expected, actor=actor)

    @transactional(seconds=PURGE_SECONDS)
    def _purge(self, reference: Reference, expected: Expected, *, actor: Principal) -> User:
        user = self._get_purgeable(reference, expected, actor)
        return self._remove(user, actor, self.clock())

    def purge_expired(self, id: ObjectId, *, deleted_before: datetime, actor: Principal) -> bool:
        """Purge a user. False when the user was restored or purged meanwhile."""
        redact_origins(str(id), beyond=MAX_REDACTED_AT_ONCE)
        return self._purge_expired(id, deleted_before, actor=actor)

    @transactional(seconds=PURGE_SECONDS)
    def _purge_expired(self, id: ObjectId, deleted_before: datetime, *, actor: Principal) -> bool:
        user = users.find_deleted(Reference("_id", id))
        if user is None or user.deleted_at >= deleted_before:
            return False
        self._remove(user, actor, self.clock())
        return True

    def _get_purgeable(self, reference: Reference, expected: Expected, actor: Principal) -> User:
        """Return the user to purge. Raises: UserNotFound, Forbidden, StaleVersion, LastAdmin."""
        user = users.find(reference.field, reference.value)
        if user is None and reference.field == "_id":
            user = users.find_deleted(reference)
        if user is None:
            raise UserNotFound()
        policy.require_may_purge_user(actor, user)
        self._require_may_end(user, actor)
        expected.check(user.version)
        return user

    def _require_may_end(self, user: User, actor: Principal) -> None:
        """Check that `actor` may end the account. Raises: Forbidden, LastAdmin."""
        require_authority_over(self.roles, actor, user)
        if not user.is_deleted and policy.removes_admin(user, {"role": None}):
            require_another_admin(self.roles, user.pk)

    def _remove(self, user: User, actor: Principal, now: datetime) -> User:
        users.delete(user.pk)
        self.sessions.delete_sessions(user.pk)
        idempotency_records.delete_about(str(user.pk))
        audit_user_change("user.purged", user, _describe(user, None), actor, now)
        redact(str(user.pk), policy.PERSONAL_FIELDS)
        self.events.publish(UserPurged(user))
        return user


_describe = policy.describe_changes
