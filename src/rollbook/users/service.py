"""What can be done with users: one method a use case."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, record
from rollbook.kit.clock import Clock
from rollbook.kit.dao import Row
from rollbook.kit.listing import Page, PageRequest
from rollbook.kit.passwords import PasswordHasher
from rollbook.kit.transactions import in_transaction
from rollbook.users import policy
from rollbook.users.dao import users
from rollbook.users.documents import User
from rollbook.users.errors import PasswordRefused
from rollbook.users.password_policy import PasswordPolicy
from rollbook.users.schemas import UserCreate, UserPatch

PERSONAL = ("name", "first_name", "last_name", "username", "email")


@dataclass(frozen=True)
class UserService:
    """Made once, by `rollbook.app`, with what its use cases need."""

    clock: Clock
    hasher: PasswordHasher
    password_policy: PasswordPolicy

    def create_user(self, new: UserCreate, *, actor: Principal) -> User:
        """Raises: PasswordRefused, EmailTaken, UsernameTaken."""
        sent = new.model_dump()
        password_hash = self._hashed(new.password.get_secret_value(), sent)
        now = self.clock()
        fields = policy.stored(sent)

        def write() -> User:
            user = users.insert(User(**fields, password_hash=password_hash, created_at=now, updated_at=now))
            _record("user.created", user, policy.changes(None, user), actor, now)
            return user

        return in_transaction(write)

    def read_user(self, ref: str, *, actor: Principal) -> User:
        """Raises: UserNotFound, Unauthenticated."""
        return users.get_by(policy.meant_by(ref, actor))

    def list_users(self, asked: PageRequest) -> Page[Row]:
        return users.page(asked)

    def change_user(self, ref: str, patch: UserPatch, *, actor: Principal) -> User:
        """Change what was sent and differs; without a difference, no new version and no entry in the record.

        Raises: UserNotFound, Unauthenticated, PasswordRefused, EmailTaken, UsernameTaken.
        """
        reference = policy.meant_by(ref, actor)
        sent = patch.model_dump(exclude_unset=True)
        wanted = policy.stored(sent)
        if "password" in sent:
            wanted["password_hash"] = self._hash_for(users.get_by(reference), patch, sent)
        now = self.clock()

        def write() -> User:
            user = users.get_by(reference)
            fields = policy.differences(user, wanted)
            if not fields:
                return user
            changed = users.change(user.pk, version=user.version, at=now, fields=fields)
            told = policy.changes(user, changed)
            _record(policy.action_of(told), changed, told, actor, now)
            return changed

        return in_transaction(write)

    def delete_user(self, ref: str, *, actor: Principal) -> User:
        """For good; the user as it was. Raises: UserNotFound, Unauthenticated."""
        reference = policy.meant_by(ref, actor)
        now = self.clock()

        def write() -> User:
            user = users.remove(users.get_by(reference).pk)
            _record("user.deleted", user, policy.changes(user, None), actor, now)
            return user

        return in_transaction(write)

    def _hash_for(self, user: User, patch: UserPatch, sent: dict[str, Any]) -> str:
        """The stored one, where the password is the same."""
        password = patch.password.get_secret_value()
        if self.hasher.verify(password, user.password_hash):
            return user.password_hash  # type: ignore[no-any-return] # MongoEngine has no types
        return self._hashed(password, {name: sent.get(name, getattr(user, name)) for name in PERSONAL})

    def _hashed(self, password: str, owner: dict[str, Any]) -> str:
        faults = self.password_policy.faults(password, [owner[name] for name in PERSONAL])
        if faults:
            raise PasswordRefused(details=faults)
        return self.hasher.hash(password)


def _record(action: str, user: User, changes: dict[str, Any], actor: Principal, at: datetime) -> None:
    record(action, Target("user", str(user.pk), user.version), actor=actor, at=at, changes=changes)
