"""Proving to be the owner of an account: by the current password, or by having signed in just now."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, record
from rollbook.kit.clock import Clock
from rollbook.kit.errors import TooManyRequests
from rollbook.kit.passwords import PasswordHasher, Turn
from rollbook.limits.service import Attempts
from rollbook.limits.standing import counted_as
from rollbook.sessions.service import SessionService
from rollbook.users import policy
from rollbook.users.documents import User
from rollbook.users.errors import RecentSignInNeeded, WrongPassword

RECENT = timedelta(minutes=5)
"""How long after a sign-in its session may delete the account without the password."""


@dataclass(frozen=True)
class OwnerProof:
    clock: Clock
    hasher: PasswordHasher
    attempts: Attempts
    sessions: SessionService

    def check_password(self, user: User, password: SecretStr, *, actor: Principal, turn: Turn) -> None:
        """Too many attempts from all addresses together stop no owner where they signed in before.

        Raises: TooManyRequests, before the password is looked at; LimitsUnavailable, WrongPassword.
        """
        self.attempts.reserve(actor.origin)
        left = self.attempts.reserve_for(f"id:{user.pk}", actor.origin)
        if not left and counted_as(actor.origin.ip) not in user.known_addresses:
            raise TooManyRequests()
        if not turn.verify(password.get_secret_value(), user.password_hash):
            record("auth.password_refused", Target("user", str(user.pk)), actor=actor, at=self.clock(), changes={})
            refusal = WrongPassword()
            refusal.is_on_record = True
            raise refusal

    def require_recent(self, user: User, password: SecretStr | None, *, actor: Principal) -> None:
        """Before one's own account is deleted: a token that someone found must not be enough.

        Raises: RecentSignInNeeded, TooBusy; as `check_password`.
        """
        if not policy.is_own(actor, user):
            return
        if password is not None:
            with self.hasher.turn() as turn:
                self.check_password(user, password, actor=actor, turn=turn)
        elif not self.sessions.began_after(str(actor.session_id), self.clock() - RECENT):
            raise RecentSignInNeeded()
