"""Proof that the caller owns the account: the current password, or a recent sign-in."""

from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import TooManyRequests
from rollbook.limits.limit_status import get_client_key
from rollbook.limits.service import AttemptLimiter
from rollbook.passwords.hash_gate import HashGate
from rollbook.passwords.hashing import PasswordHasher
from rollbook.sessions.service import SessionService
from rollbook.users import policy
from rollbook.users.documents import User
from rollbook.users.errors import RecentSignInNeeded, WrongPassword

RECENT = timedelta(minutes=5)
"""How long after its sign-in a session may delete the account without the password."""


@dataclass(frozen=True)
class OwnerProof:
    clock: Clock
    gate: HashGate
    attempts: AttemptLimiter
    sessions: SessionService

    def check_password(
        self, user: User, password: SecretStr, *, actor: Principal, hasher: PasswordHasher
    ) -> None:
        """Check the current password of an owner.

        Attempts from elsewhere do not lock an owner out of an address that they know.

        Raises: TooManyRequests, before the password is compared; LimitsUnavailable; WrongPassword.
        """
        self.attempts.count_attempt(actor.origin)
        allowed = self.attempts.count_account_attempt(f"id:{user.pk}", actor.origin)
        if not allowed and get_client_key(actor.origin.ip) not in user.known_addresses:
            raise TooManyRequests()
        if not hasher.verify(password.get_secret_value(), user.password_hash):
            target = Target("user", str(user.pk))
            now = self.clock()
            append_entry("auth.password_refused", target, actor=actor, at=now, changes={})
            refusal = WrongPassword()
            refusal.is_audited = True
            raise refusal

    def require_recent(self, user: User, password: SecretStr | None, *, actor: Principal) -> None:
        """Require the password or a recent sign-in, for owners who delete their own account.

        A stolen access token must not be enough.

        Raises: RecentSignInNeeded, TooBusy; as `check_password`.
        """
        if not policy.is_own(actor, user):
            return
        if password is not None:
            with self.gate.enter() as hasher:
                self.check_password(user, password, actor=actor, hasher=hasher)
        elif not self.sessions.started_after(str(actor.session_id), self.clock() - RECENT):
            raise RecentSignInNeeded()
