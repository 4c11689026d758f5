"""New passwords: checked against the policy and known breaches, and hashed through the gate."""

from collections.abc import Iterable
from dataclasses import dataclass

from rollbook.kit.errors import Detail
from rollbook.passwords.breached_passwords import BreachedPasswords
from rollbook.passwords.errors import PasswordRefused
from rollbook.passwords.hash_gate import HashGate
from rollbook.passwords.password_policy import PasswordPolicy


@dataclass(frozen=True)
class PasswordService:
    gate: HashGate
    policy: PasswordPolicy
    breached: BreachedPasswords

    def check_policy(self, password: str, personal: Iterable[str | None]) -> None:
        """Check the policy.

        `personal`: the names and addresses of the user. Raises: PasswordRefused.
        """
        faults = self.policy.list_faults(password, personal)
        if faults:
            raise PasswordRefused(details=faults)

    def check_not_breached(self, password: str) -> None:
        """Refuse a password that is known from a breach. Raises: PasswordRefused.

        It may take seconds, so call it before the gate is entered.
        """
        if self.breached.contains(password):
            message = (
                "This password is known from a data breach. Choose another one, and change it "
                "wherever else you use it."
            )
            raise PasswordRefused(details=[Detail("password", "breached", message)])
