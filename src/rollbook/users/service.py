"""What can be done with users: one method a use case."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId

from rollbook.access.permissions import Permission
from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.service import Target, record
from rollbook.kit.clock import Clock
from rollbook.kit.dao import Row
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.passwords import PasswordHasher, Turn
from rollbook.kit.transactions import in_transaction
from rollbook.limits.service import Attempts
from rollbook.limits.standing import remembered
from rollbook.roles.built_in import ADMIN, USER
from rollbook.roles.policy import may_grant
from rollbook.roles.service import RoleService
from rollbook.sessions.service import SessionService
from rollbook.users import policy
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import CurrentPasswordNeeded, LastAdmin, PasswordRefused, WrongPassword
from rollbook.users.password_policy import PasswordPolicy
from rollbook.users.schemas import UserCreate, UserPatch

PERSONAL = ("name", "first_name", "last_name", "username", "email")


@dataclass(frozen=True)
class UserService:
    """Made once, by `rollbook.services`, with what its use cases need."""

    clock: Clock
    hasher: PasswordHasher
    password_policy: PasswordPolicy
    registration: policy.Registration
    roles: RoleService
    sessions: SessionService
    attempts: Attempts

    def create_user(self, new: UserCreate, *, actor: Principal) -> User:
        """Raises: RegistrationClosed, Forbidden, UnknownRole, PasswordRefused, TooBusy, EmailTaken, UsernameTaken."""
        sent = new.model_dump()
        policy.may_register(actor, self.registration)
        policy.may_create(actor, sent)
        self.refuse_weak(new.password.get_secret_value(), sent)
        with self.hasher.turn(sharing=actor.kind is ActorKind.ANONYMOUS) as turn:
            password_hash = turn.hash(new.password.get_secret_value())
        now = self.clock()
        fields = policy.stored(sent)
        known = remembered([], actor.origin.ip) if actor.kind is ActorKind.ANONYMOUS else []

        def write() -> User:
            if new.role != USER:
                may_grant(actor, self.roles.hold(new.role))
            user = users.insert(
                User(**fields, password_hash=password_hash, known_addresses=known, created_at=now, updated_at=now)
            )
            _record("user.created", user, policy.changes(None, user), actor, now)
            return user

        return in_transaction(write)

    def read_user(self, ref: str, *, actor: Principal) -> User:
        """Raises: UserNotFound, Unauthenticated, Forbidden."""
        return self._reached(ref, Permission.USERS_READ, actor)

    def list_users(self, asked: PageRequest) -> Page[Row]:
        return users.page(asked)

    def change_user(self, ref: str, patch: UserPatch, *, actor: Principal) -> User:
        """Change what was sent and differs; without a difference, no new version and no entry in the record.

        Raises: UserNotFound, Unauthenticated, Forbidden, CurrentPasswordNeeded, WrongPassword, PasswordRefused,
        UnknownRole, LastAdmin, TooManyRequests, TooBusy, EmailTaken, UsernameTaken.
        """
        before = self._reached(ref, Permission.USERS_UPDATE, actor)
        sent = patch.model_dump(exclude_unset=True)
        wanted = policy.stored(sent)
        asked = policy.named(policy.differences(before, wanted).keys() | sent.keys() & {"password"})
        policy.may_change(actor, before, asked)
        self._may_take_over(before, asked, actor)
        wanted |= self._credentials(before, patch, asked, actor)
        now = self.clock()

        def write() -> User:
            user = users.get(before.pk)
            if user.password_hash != before.password_hash and policy.needs_current_password(actor, user, asked):
                raise WrongPassword()  # It is not the current one any more.
            fields = policy.differences(user, wanted)
            if not fields:
                return user
            self._may_write(user, fields, actor)
            changed = users.change(user.pk, version=user.version, at=now, fields=fields)
            self._end_sessions(changed, fields, actor)
            told = policy.changes(user, changed)
            _record(policy.action_of(told), changed, told, actor, now)
            return changed

        return in_transaction(write)

    def delete_user(self, ref: str, *, actor: Principal) -> User:
        """For good; the user as it was. Raises: UserNotFound, Unauthenticated, Forbidden, LastAdmin."""
        reached = self._reached(ref, Permission.USERS_DELETE, actor)
        now = self.clock()

        def write() -> User:
            user = users.get(reached.pk)
            policy.may_touch(actor, user)
            if policy.ends_admin(user, {"role": None}):
                self._keep_an_admin(user.pk)
            users.remove(user.pk)
            self.sessions.end_silently(user.pk)
            _record("user.deleted", user, policy.changes(user, None), actor, now)
            return user

        return in_transaction(write)

    def list_sessions(self, ref: str, asked: PageRequest, *, actor: Principal) -> Page[Row]:
        """Raises: UserNotFound, Unauthenticated, Forbidden."""
        user = self._reached(ref, Permission.SESSIONS_READ, actor)
        return self.sessions.list_sessions(user.pk, asked, actor=actor)

    def end_sessions(self, ref: str, *, actor: Principal) -> None:
        """All of the user's but the one that asks. Raises: UserNotFound, Unauthenticated, Forbidden."""
        user = self._reached(ref, Permission.SESSIONS_REVOKE, actor)
        policy.may_touch(actor, user)
        self.sessions.end_sessions(user.pk, actor=actor)

    def refuse_weak(self, password: str, owner: Mapping[str, Any]) -> None:
        """`owner`: the fields that a password must not repeat. Raises: PasswordRefused, with every reason."""
        faults = self.password_policy.faults(password, [owner[name] for name in PERSONAL])
        if faults:
            raise PasswordRefused(details=faults)

    def _reached(self, ref: str, permission: Permission, actor: Principal) -> User:
        reference = policy.meant_by(ref, actor, permission)
        if actor.may(permission):
            return users.get_by(reference)
        own = users.find("_id", ObjectId(actor.user_id)) if actor.user_id else None
        policy.may_reach(own, reference, permission)
        return own  # type: ignore[return-value] # may_reach lets no None pass

    def _may_write(self, user: User, fields: Mapping[str, Any], actor: Principal) -> None:
        """Once more, inside the transaction, on what is there now; and what only a transaction can tell."""
        asked = policy.named(fields.keys())
        policy.may_change(actor, user, asked)
        if "role" in fields:
            may_grant(actor, self.roles.hold(fields["role"]) | self.roles.permissions_of(user.role))
        self._may_take_over(user, asked, actor)
        if policy.ends_admin(user, fields):
            self._keep_an_admin(user.pk)

    def _may_take_over(self, user: User, asked: set[str], actor: Principal) -> None:
        """Before any password is looked at: whether a guess is right is nobody else's to know."""
        if policy.takes_over(actor, user, asked):
            may_grant(actor, self.roles.permissions_of(user.role))

    def _keep_an_admin(self, leaving: ObjectId) -> None:
        """Two admins who demote each other at one instant both hold the role, so one of them has to look again."""
        self.roles.hold(ADMIN)
        if not users.is_active_with(ADMIN, besides=leaving):
            raise LastAdmin()

    def _end_sessions(self, user: User, fields: Mapping[str, Any], actor: Principal) -> None:
        """A new password ends all other sessions, a disabled account all of them."""
        if not user.is_active:
            self.sessions.end_silently(user.pk)
        elif "password_hash" in fields:
            self.sessions.end_silently(user.pk, spare=actor.session_id)

    def _credentials(self, user: User, patch: UserPatch, asked: set[str], actor: Principal) -> dict[str, Any]:
        """The hash to store, if the password is to change; an owner proves first that they know the current one."""
        owner_has_to_prove = policy.needs_current_password(actor, user, asked)
        if owner_has_to_prove and patch.current_password is None:
            raise CurrentPasswordNeeded()
        if not owner_has_to_prove and "password" not in asked:
            return {}
        with self.hasher.turn() as turn:
            if owner_has_to_prove:
                self._prove(user, patch.current_password.get_secret_value(), turn, actor)
            if "password" not in asked:
                return {}
            return {"password_hash": self._hash_for(user, patch, turn, same_is_same=owner_has_to_prove)}

    def _prove(self, user: User, password: str, turn: Turn, actor: Principal) -> None:
        self.attempts.reserve(actor.origin)
        welcome = self.attempts.reserve_for(f"id:{user.pk}", actor.origin)
        if not turn.verify(password, user.password_hash) or not welcome:
            record("auth.password_refused", Target("user", str(user.pk)), actor=actor, at=self.clock(), changes={})
            raise WrongPassword()

    def _hash_for(self, user: User, patch: UserPatch, turn: Turn, *, same_is_same: bool) -> str:
        """The stored one, where the owner keeps the password."""
        password = patch.password.get_secret_value()
        if same_is_same and password == patch.current_password.get_secret_value():
            return user.password_hash  # type: ignore[no-any-return] # MongoEngine has no types
        sent = patch.model_dump(exclude_unset=True)
        self.refuse_weak(password, {name: sent.get(name, getattr(user, name)) for name in PERSONAL})
        return turn.hash(password)


def _record(action: str, user: User, changes: dict[str, Any], actor: Principal, at: datetime) -> None:
    record(action, Target("user", str(user.pk), user.version), actor=actor, at=at, changes=changes)
