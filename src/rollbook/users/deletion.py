"""Users who go, and those who come back."""

from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pydantic import SecretStr

from rollbook.access.permissions import Permission
from rollbook.access.principal import Principal
from rollbook.audit.service import redact, redact_origins
from rollbook.idempotency.dao import kept_requests
from rollbook.kit.clock import Clock
from rollbook.kit.preconditions import ANY, Expected
from rollbook.kit.transactions import in_transaction
from rollbook.roles.built_in import USER
from rollbook.roles.policy import may_grant
from rollbook.roles.service import RoleService
from rollbook.sessions.service import SessionService
from rollbook.users import policy
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import NotDeleted, UserNotFound
from rollbook.users.proof import OwnerProof
from rollbook.users.reach import keep_an_admin, put_on_record, reached, require_power
from rollbook.users.references import Reference

PURGE_SECONDS = 15
MOST_AT_ONCE = 10_000
"""Entries on the audit log that a purge redacts in its transaction; someone who signed in for years has more."""


@dataclass(frozen=True)
class DeletionService:
    """`clock` is MongoDB's: by it is decided later whether someone goes for good."""

    clock: Clock
    roles: RoleService
    sessions: SessionService
    proof: OwnerProof

    def delete_user(
        self, ref: str, *, actor: Principal, expected: Expected = ANY, current_password: SecretStr | None = None
    ) -> User:
        """The user as it is kept for a while.

        Raises: UserNotFound, Unauthenticated, Forbidden, StaleVersion, LastAdmin; as `OwnerProof.require_recent`.
        """
        own = reached(ref, Permission.USERS_DELETE, actor)
        self.proof.require_recent(own, current_password, actor=actor)

        def write() -> User:
            now = self.clock()
            user = users.get(own.pk)
            self._may_end(user, actor)
            expected.check(user.version)
            deleted = users.alter(user, at=now, fields={"is_deleted": True, "deleted_at": now})
            self.sessions.end_silently(user.pk)
            put_on_record("user.deleted", deleted, policy.changes(user, deleted), actor, now)
            return deleted

        return in_transaction(write, actor=actor)

    def restore_user(self, ref: str, *, actor: Principal, expected: Expected = ANY) -> User:
        """Raises: UserNotFound, Forbidden, StaleVersion, NotDeleted, SeveralDeleted, EmailTaken, UsernameTaken."""
        reference = policy.meant_by(ref, actor, Permission.USERS_RESTORE)

        def write() -> User:
            now = self.clock()
            user = users.find_deleted(reference)
            if user is None:
                users.get_by(reference)
                raise NotDeleted()
            require_power(self.roles, actor, user)
            expected.check(user.version)
            if user.role != USER:
                may_grant(actor, self.roles.hold(user.role))
            restored = users.alter(user, at=now, fields={"is_deleted": False, "deleted_at": None})
            put_on_record("user.restored", restored, policy.changes(user, restored), actor, now)
            return restored

        return in_transaction(write, actor=actor)

    def purge_user(
        self, ref: str, *, actor: Principal, expected: Expected = ANY, current_password: SecretStr | None = None
    ) -> User:
        """For good; the user as it was. Who was deleted before is meant by id: an address may be someone else's by now.

        Raises: UserNotFound, Unauthenticated, Forbidden, StaleVersion, LastAdmin; as `OwnerProof.require_recent`.
        """
        policy.may_purge(actor)
        reference = policy.meant_by(ref, actor, Permission.USERS_PURGE)

        def allowed() -> User:
            user = _find_to_purge(reference)
            policy.may_purge_user(actor, user)
            self._may_end(user, actor)
            expected.check(user.version)
            return user

        user = allowed()
        self.proof.require_recent(user, current_password, actor=actor)
        redact_origins(str(user.pk), beyond=MOST_AT_ONCE)

        def write() -> User:
            now, user = self.clock(), allowed()
            return self._purge(user, actor, now)

        return in_transaction(write, actor=actor, seconds=PURGE_SECONDS)

    def purge_expired(self, id: ObjectId, *, deleted_before: datetime, actor: Principal) -> bool:
        """False, when someone was faster."""
        redact_origins(str(id), beyond=MOST_AT_ONCE)

        def write() -> bool:
            now = self.clock()
            user = users.find_deleted(Reference("_id", id))
            if user is None or user.deleted_at >= deleted_before:
                return False
            self._purge(user, actor, now)
            return True

        return in_transaction(write, actor=actor, seconds=PURGE_SECONDS)

    def _may_end(self, user: User, actor: Principal) -> None:
        require_power(self.roles, actor, user)
        if not user.is_deleted and policy.ends_admin(user, {"role": None}):
            keep_an_admin(self.roles, user.pk)

    def _purge(self, user: User, actor: Principal, now: datetime) -> User:
        users.remove(user.pk)
        self.sessions.end_silently(user.pk)
        kept_requests.forget(str(user.pk))
        put_on_record("user.purged", user, policy.changes(user, None), actor, now)
        redact(str(user.pk), policy.PERSONAL)
        return user


def _find_to_purge(reference: Reference) -> User:
    """Raises: UserNotFound."""
    user = users.find(reference.field, reference.value)
    if user is None and reference.field == "_id":
        user = users.find_deleted(reference)
    if user is None:
        raise UserNotFound()
    return user
