"""Ask for a link: the same for every address, with an account or without."""

from dataclasses import dataclass

from rollbook.access.principal import Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.limits.service import AttemptLimiter
from rollbook.mail.service import MailService
from rollbook.one_time_tokens.purposes import Purpose
from rollbook.storage.transactions import transactional
from rollbook.users.references import get_email_key


@dataclass(frozen=True)
class LinkRequests:
    clock: Clock
    mail: MailService
    attempts: AttemptLimiter

    def request(self, purpose: Purpose, action: str, email: str, *, actor: Principal) -> None:
        """Store a message for the owner of an address. The sender looks for the account.

        Raises: MailNotConfigured, TooManyRequests, LimitsUnavailable.
        """
        self.mail.require_configured()
        self.attempts.count_attempt(actor.origin)
        self._store(purpose, action, email, actor=actor)

    @transactional()
    def _store(self, purpose: Purpose, action: str, email: str, *, actor: Principal) -> None:
        self.mail.enqueue(purpose.name, email=get_email_key(email), actor=actor)
        append_entry(action, Target("user", None), actor=actor, at=self.clock(), changes={})
