"""What can be done with users: one method a use case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from rollbook.access.permissions import Permission
from rollbook.access.principal import ActorKind, Principal
from rollbook.audit.service import Target, list_history, record
from rollbook.kit.clock import Clock
from rollbook.kit.errors import AppError, Conflict, Detail
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.paging import Row
from rollbook.kit.passwords import PasswordHasher, Turn
from rollbook.kit.preconditions import ANY, Expected
from rollbook.kit.transactions import in_transaction
from rollbook.limits.service import Attempts
from rollbook.limits.standing import remembered
from rollbook.roles.built_in import ADMIN, USER
from rollbook.roles.policy import may_grant
from rollbook.roles.service import RoleService
from rollbook.sessions.service import SessionService
from rollbook.users import policy, references
from rollbook.users.breached_passwords import BreachedPasswords
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import (
    CurrentPasswordNeeded,
    EmailLookalike,
    PasswordRefused,
    RegistrationClosed,
    UserNotFound,
    WrongPassword,
)
from rollbook.users.filters import EVERYONE, Filters
from rollbook.users.password_policy import PasswordPolicy
from rollbook.users.proof import OwnerProof
from rollbook.users.reach import keep_an_admin, put_on_record, reached, require_power
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
    proof: OwnerProof
    breached: BreachedPasswords

    def create_user(self, new: UserCreate, *, actor: Principal) -> User:
        """Raises: RegistrationClosed, NoAdminYet, TooManyRequests, Forbidden, UnknownRole, PasswordRefused, TooBusy,
        EmailTaken, UsernameTaken.
        """
        if not policy.registers(actor):
            return self._create(new, actor)
        self.attempts.reserve_registration(actor.origin)
        try:
            policy.may_register(self.registration, has_admin=users.is_active_with(ADMIN))
            _refuse_lookalike(new.email)
            return self._create(new, actor)
        except (RegistrationClosed, Conflict) as refusal:
            self._record_refusal(refusal, actor)
            raise

    def _record_refusal(self, refusal: AppError, actor: Principal) -> None:
        """It may tell whether an address or a username is taken, so who asked is on the audit log."""
        changes = {"reason": {"before": None, "after": refusal.code}}
        record("user.registration_refused", Target("user", None), actor=actor, at=self.clock(), changes=changes)

    def _create(self, new: UserCreate, actor: Principal) -> User:
        sent = new.model_dump()
        policy.may_create(actor, sent)
        policy.may_take_username(actor, new.username, own=False)
        self.refuse_weak(new.password.get_secret_value(), sent)
        self._refuse_breached(new.password)
        with self.hasher.turn(sharing=actor.kind is ActorKind.ANONYMOUS) as turn:
            password_hash = turn.hash(new.password.get_secret_value())
        fields = policy.stored(sent)
        known = remembered([], actor.origin.ip) if actor.kind is ActorKind.ANONYMOUS else []

        def write() -> User:
            now = self.clock()
            if new.role != USER:
                may_grant(actor, self.roles.hold(new.role))
            user = users.insert(
                User(**fields, password_hash=password_hash, known_addresses=known, created_at=now, updated_at=now)
            )
            put_on_record("user.created", user, policy.changes(None, user), actor, now)
            return user

        return in_transaction(write, actor=actor)

    def read_user(self, ref: str, *, actor: Principal) -> User:
        """Raises: UserNotFound, Unauthenticated, Forbidden."""
        return reached(ref, Permission.USERS_READ, actor)

    def list_users(self, asked: PageRequest, filters: Filters = EVERYONE, *, actor: Principal) -> Page[Row]:
        """Raises: Forbidden."""
        policy.may_list(actor, include_deleted=filters.include_deleted)
        return users.list_page(asked, filters)

    def list_history(self, ref: str, asked: PageRequest, *, actor: Principal) -> Page[Row]:
        """The changes of a user, the newest first; with `audit:read` of deleted ones, too, and by id of purged ones.

        Raises: UserNotFound, Unauthenticated, Forbidden.
        """
        if not actor.may(Permission.AUDIT_READ):
            return list_history(str(reached(ref, Permission.AUDIT_READ, actor).pk), asked, actor=actor)
        reference = policy.meant_by(ref, actor, Permission.AUDIT_READ)
        user = users.find(reference.field, reference.value) or users.find_deleted(reference)
        if user is None and reference.field != "_id":
            raise UserNotFound()
        page = list_history(str(user.pk if user else reference.value), asked, actor=actor)
        if user is None and asked.is_first and not page.items:
            raise UserNotFound()
        return page

    def change_user(self, ref: str, patch: UserPatch, *, actor: Principal, expected: Expected = ANY) -> User:
        """Change what was sent and differs; without a difference, no new version and no entry in the record.

        Raises: UserNotFound, Unauthenticated, Forbidden, StaleVersion, CurrentPasswordNeeded, WrongPassword,
        PasswordRefused, UnknownRole, LastAdmin, TooManyRequests, TooBusy, EmailTaken, UsernameTaken.
        """
        before = reached(ref, Permission.USERS_UPDATE, actor)
        sent = patch.model_dump(exclude_unset=True)
        wanted = policy.stored(sent)
        asked = policy.named(policy.differences(before, wanted).keys() | sent.keys() & {"password"})
        require_power(self.roles, actor, before)
        policy.may_change(actor, before, asked)
        if "username" in asked:
            policy.may_take_username(actor, patch.username, own=True)
        if "email" in asked and not actor.may(Permission.USERS_SET_CREDENTIALS):
            _refuse_lookalike(patch.email, besides=before)
        expected.check(before.version)
        self._may_take_over(before, asked, actor)
        wanted |= self._credentials(before, patch, asked, actor)

        def write() -> User:
            now = self.clock()
            user = users.get(before.pk)
            expected.check(user.version)
            if user.password_hash != before.password_hash and policy.needs_current_password(actor, user, asked):
                raise WrongPassword()  # It is not the current one any more.
            fields = policy.differences(user, wanted)
            if not fields:
                return user
            self._may_write(user, fields, actor)
            changed = users.alter(user, at=now, fields=fields)
            self._end_sessions(changed, fields, actor)
            told = policy.changes(user, changed)
            put_on_record(policy.action_of(told), changed, told, actor, now)
            return changed

        return in_transaction(write, actor=actor)

    def list_sessions(self, ref: str, asked: PageRequest, *, actor: Principal) -> Page[Row]:
        """Raises: UserNotFound, Unauthenticated, Forbidden."""
        user = reached(ref, Permission.SESSIONS_READ, actor)
        return self.sessions.list_sessions(user.pk, asked, actor=actor)

    def end_sessions(self, ref: str, *, actor: Principal) -> None:
        """All of the user's but the one that asks. Raises: UserNotFound, Unauthenticated, Forbidden."""
        user = reached(ref, Permission.SESSIONS_REVOKE, actor)

        def write() -> None:
            require_power(self.roles, actor, users.get(user.pk))
            self.sessions.end_others(user.pk, actor=actor)

        in_transaction(write, actor=actor)

    def refuse_weak(self, password: str, owner: Mapping[str, Any]) -> None:
        """`owner`: the fields that a password must not repeat. Raises: PasswordRefused, with every reason."""
        faults = self.password_policy.faults(password, [owner[name] for name in PERSONAL])
        if faults:
            raise PasswordRefused(details=faults)

    def _refuse_breached(self, password: SecretStr) -> None:
        """Raises: PasswordRefused."""
        if self.breached.has(password.get_secret_value()):
            told = "This password is known from a breach; choose another, and change it wherever else you use it."
            raise PasswordRefused(details=[Detail("password", "breached", told)])

    def _may_write(self, user: User, fields: Mapping[str, Any], actor: Principal) -> None:
        """Once more, inside the transaction, on what is there now; and what only a transaction can tell."""
        asked = policy.named(fields.keys())
        require_power(self.roles, actor, user)
        policy.may_change(actor, user, asked)
        if "role" in fields:
            may_grant(actor, self.roles.hold(fields["role"]) | self.roles.permissions_of(user.role))
        self._may_take_over(user, asked, actor)
        if policy.ends_admin(user, fields):
            keep_an_admin(self.roles, user.pk)

    def _may_take_over(self, user: User, asked: set[str], actor: Principal) -> None:
        """Before any password is looked at: whether a guess is right is nobody else's to know."""
        if policy.takes_over(actor, user, asked):
            may_grant(actor, self.roles.permissions_of(user.role))

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
        if "password" in asked:
            self._refuse_breached(patch.password)  # Before the turn, since it may take seconds.
        with self.hasher.turn() as turn:
            if owner_has_to_prove:
                self.proof.check_password(user, patch.current_password, actor=actor, turn=turn)
            if "password" not in asked:
                return {}
            return {"password_hash": self._hash_for(user, patch, turn, same_is_same=owner_has_to_prove)}

    def _hash_for(self, user: User, patch: UserPatch, turn: Turn, *, same_is_same: bool) -> str:
        """The stored one, where the owner keeps the password."""
        password = patch.password.get_secret_value()
        if same_is_same and password == patch.current_password.get_secret_value():
            return user.password_hash  # type: ignore[no-any-return] # MongoEngine has no types
        sent = patch.model_dump(exclude_unset=True)
        self.refuse_weak(password, {name: sent.get(name, getattr(user, name)) for name in PERSONAL})
        return turn.hash(password)


def _refuse_lookalike(address: str, *, besides: User | None = None) -> None:
    """For an address that nobody has vouched for. Raises: EmailLookalike."""
    if references.could_deceive(address) and users.has_lookalike(address, besides=besides and besides.pk):
        raise EmailLookalike()
