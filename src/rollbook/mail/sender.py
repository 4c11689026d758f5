"""Send what the outbox holds: one process of all replicas at a time, and each message once."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from rollbook.access.principal import SYSTEM, ActorKind, Origin, Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.leases.dao import leases
from rollbook.mail import metrics
from rollbook.mail.dao import FAILED, SENT, outbox
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.errors import Deferred, Refused
from rollbook.mail.mailer import Mailer, Recipient
from rollbook.mail.service import KEPT_FAILED, KEPT_SENT
from rollbook.mail.templates import TemplateRefused
from rollbook.storage.transactions import transactional

LEASE = "mail"
LEASE_TIME = timedelta(seconds=10)
CLAIM_TIME = timedelta(seconds=120)
"""A claimed message whose process died is sent again after that. Longer than an attempt takes."""
FIRST_DELAY, MAX_DELAY = 6.0, 1800.0
"""Seconds before the next attempt of a message; each delay is twice the one before."""
JITTER = 0.2
PATIENCE = timedelta(hours=24)
"""How long a message is tried."""
FIRST_PAUSE, MAX_PAUSE = 4.0, 60.0
"""Seconds before the next message is tried, when the server would refuse all of them."""
logger = logging.getLogger(__name__)


class Preparation(Protocol):
    """What a feature knows about its messages."""

    def find_recipient(self, message: OutboxMessage) -> Recipient | None:
        """Find who gets the message. None when nobody does, such as without an account."""

    def prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        """Return the variables of the template, inside a transaction. None to drop the message.

        `actor` asked for it.
        """


class MailSender:
    """`is_allowed` counts a message of a kind to an address, and says whether that is too many."""

    def __init__(
        self,
        clock: Clock,
        mailer: Mailer,
        preparations: Mapping[str, Preparation],
        is_allowed: Callable[[str, str], bool],
        *,
        claim_time: timedelta = CLAIM_TIME,
    ) -> None:
        self.clock = clock
        self._mailer = mailer
        self._preparations = preparations
        self._is_allowed = is_allowed
        self._claim_time = claim_time
        self._holder = secrets.token_hex(8)
        self._pause, self._paused_until = 0.0, 0.0

    def run(self) -> int:
        """Send everything that is due, and return how many messages were tried."""
        now = self.clock()
        oldest = outbox.find_oldest_due(now)
        age = (now - oldest).total_seconds() if oldest else 0
        metrics.mail_oldest_due_seconds().set(max(0, age))
        if oldest is None or time.monotonic() < self._paused_until or not self._acquire():
            return 0
        tried = 0
        try:
            while message := outbox.claim(now, until=self.clock() + self._claim_time):
                tried += 1
                if not self._handle(message) or not self._acquire():
                    break
                now = self.clock()
        finally:
            self._mailer.close()
            leases.release(LEASE, self._holder)
        return tried

    def _acquire(self) -> bool:
        return leases.acquire(LEASE, self._holder, duration=LEASE_TIME)

    def _handle(self, message: OutboxMessage) -> bool:
        """Try a message. False when the server takes none at all now."""
        try:
            self._send(message)
        except Refused as refusal:
            self._fail(message, str(refusal), actor=SYSTEM)
        except (Deferred, TemplateRefused) as refusal:
            self._defer(message, str(refusal))
            if isinstance(refusal, Deferred) and refusal.is_general:
                self._pause = min(MAX_PAUSE, 2 * self._pause or FIRST_PAUSE)
                self._paused_until = time.monotonic() + self._pause
                return False
        self._pause = 0.0
        return True

    def _send(self, message: OutboxMessage) -> None:
        """Send a message. Raises: Deferred, Refused, TemplateRefused."""
        preparation = self._preparations[message.kind]
        recipient = preparation.find_recipient(message)
        variables = None
        if recipient and (message.is_issued or self._is_allowed(message.kind, recipient.address)):
            variables = self._prepare(message, recipient, actor=_restore_actor(message))
        if recipient is None or variables is None:
            outbox.delete(message.pk)
            _count(message, "dropped")
            return
        self._mailer.send(message, recipient, variables, at=self.clock())
        self._note_sent(message)

    @transactional()
    def _prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        variables = self._preparations[message.kind].prepare(message, recipient, actor=actor)
        outbox.set_fields(message.pk, {"is_issued": True, "user_id": recipient.user_id})
        return variables

    def _note_sent(self, message: OutboxMessage) -> None:
        """Note that the server has the message, for as long as it takes.

        Nobody may send it again.
        """
        now = self.clock()
        fields = {"state": SENT, "finished_at": now, "expires_at": now + KEPT_SENT}
        gone = dict.fromkeys(("due_at", "variables", "origin", "reason", "email"))
        while True:
            try:
                outbox.set_fields(message.pk, fields | gone)
                break
            except Unavailable:
                time.sleep(1)
        _count(message, SENT)

    def _defer(self, message: OutboxMessage, reason: str) -> None:
        now = self.clock()
        if now - message.created_at > PATIENCE:
            self._fail(message, reason, actor=SYSTEM)
            return
        delay = min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(message.attempts - 1, 20))
        delay *= 1 + JITTER * secrets.randbelow(1000) / 1000
        fields = {"due_at": now + timedelta(seconds=delay), "reason": reason}
        outbox.set_fields(message.pk, fields)
        _count(message, "deferred")
        logger.warning("mail %s deferred (attempt %d): %s", message.kind, message.attempts, reason)

    @transactional()
    def _fail(self, message: OutboxMessage, reason: str, *, actor: Principal) -> None:
        now = self.clock()
        fields = {"state": FAILED, "finished_at": now, "expires_at": now + KEPT_FAILED}
        outbox.set_fields(message.pk, fields | {"due_at": None, "reason": reason})
        changes = {
            "mail": {"before": None, "after": message.kind},
            "reason": {"before": None, "after": reason},
        }
        target = Target("user", str(message.user_id) if message.user_id else None)
        append_entry("mail.failed", target, actor=actor, at=now, changes=changes)
        _count(message, FAILED)
        logger.warning("mail %s failed: %s", message.kind, reason)


def _restore_actor(message: OutboxMessage) -> Principal:
    """Return who asked for the message: rollbook itself, or somebody whose rights are not known."""
    if not message.origin:
        return SYSTEM
    return Principal(ActorKind.ANONYMOUS, None, frozenset(), Origin(**message.origin))


def _count(message: OutboxMessage, result: str) -> None:
    metrics.mail_messages().labels(message.kind, result).inc()
