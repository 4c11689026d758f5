"""Send what the outbox holds: one process of all replicas at a time, and each message once."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from rollbook.access.principal import SYSTEM, ActorKind, Origin, Principal
from rollbook.audit.service import Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.errors import Unavailable
from rollbook.leases.dao import leases
from rollbook.limits.errors import LimitsUnavailable
from rollbook.mail import metrics
from rollbook.mail.dao import FAILED, SENT, outbox
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.errors import Deferred, MessageNotFound, Refused
from rollbook.mail.mailer import Mailer, Recipient
from rollbook.mail.service import KEPT_FAILED, KEPT_SENT
from rollbook.mail.templates import TemplateRefused
from rollbook.storage.transactions import count_after_commit, transactional

LEASE = "mail"
LEASE_TIME = timedelta(seconds=10)
CLAIM_TIME = timedelta(seconds=300)
"""A claimed message whose process died is sent again after that. Longer than an attempt takes."""
FIRST_DELAY, MAX_DELAY = 6.0, 1800.0
"""Seconds before the next attempt of a message; each delay is twice the one before."""
JITTER = 0.2
PATIENCE = timedelta(hours=24)
"""How long a message is tried."""
MAX_PAUSE = 60.0
"""Seconds that all messages wait at most, when the server would refuse all of them."""
STOP_SECONDS = 10.0
"""How long a process that ends waits for the message that it is sending."""
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
    """`is_allowed` counts a message of a kind to an address, and returns whether it is allowed."""

    def __init__(
        self,
        clock: Clock,
        mailer: Mailer,
        preparations: Mapping[str, Preparation],
        is_allowed: Callable[[str, str], bool],
    ) -> None:
        self.clock = clock
        self._mailer = mailer
        self._preparations = preparations
        self._is_allowed = is_allowed
        self._holder = secrets.token_hex(8)
        self._sending = threading.Lock()
        self._is_stopping = False

    def run(self) -> int:
        """Send everything that is due, and return how many messages were tried."""
        now = self.clock()
        oldest = outbox.find_oldest_due(now)
        age = (now - oldest).total_seconds() if oldest else 0
        metrics.mail_oldest_due_seconds().set(max(0, age))
        if oldest is None or not self._acquire():
            return 0
        tried = 0
        try:
            while self._send_next():
                tried += 1
        finally:
            self._mailer.close()
            leases.release(LEASE, self._holder)
        return tried

    def finish(self) -> None:
        """Send no further message, and wait for the one that is being sent."""
        self._is_stopping = True
        if self._sending.acquire(timeout=STOP_SECONDS):
            self._sending.release()

    def _send_next(self) -> bool:
        """Send a message that is due. False when there is none, or another process sends now."""
        with self._sending:
            if self._is_stopping or not self._acquire():
                return False
            now = self.clock()
            message = outbox.claim(now, until=now + CLAIM_TIME)
            if message:
                self._handle(message)
            return message is not None

    def _acquire(self) -> bool:
        return leases.acquire(LEASE, self._holder, duration=LEASE_TIME)

    def _handle(self, message: OutboxMessage) -> None:
        """Try a message, and note what became of it. Raises: Unavailable."""
        try:
            self._send(message)
        except Refused as refusal:
            self._fail(message, str(refusal), actor=SYSTEM)
        except (Deferred, TemplateRefused) as refusal:
            self._defer(message, str(refusal), is_general=getattr(refusal, "is_general", False))
        except LimitsUnavailable:
            self._defer(message, "The store of limits does not answer.", is_general=True)
        except Unavailable:
            raise
        except Exception as error:  # Its text may have an address.
            self._defer(message, type(error).__name__, is_general=False)

    def _send(self, message: OutboxMessage) -> None:
        """Send a message. Raises: Deferred, Refused, TemplateRefused."""
        preparation = self._preparations[message.kind]
        recipient = preparation.find_recipient(message)
        if recipient is None or not (
            message.is_issued or self._is_allowed(message.kind, recipient.address)
        ):
            outbox.drop(message)
            _count(message, "dropped")
            return
        try:
            variables = self._prepare(message, recipient, actor=_restore_actor(message))
        except MessageNotFound:  # It was deleted, or another process has claimed it.
            variables = None
        if variables is None:
            _count(message, "dropped")
            return
        self._mailer.send(message, recipient, variables, at=self.clock())
        self._note_sent(message)

    @transactional()
    def _prepare(
        self, message: OutboxMessage, recipient: Recipient, *, actor: Principal
    ) -> Mapping[str, Any] | None:
        """Prepare a message, or drop it. None when it is not sent. Raises: MessageNotFound."""
        variables = self._preparations[message.kind].prepare(message, recipient, actor=actor)
        if variables is None:
            outbox.drop(message)
        elif not outbox.set_fields(message, {"is_issued": True, "user_id": recipient.user_id}):
            raise MessageNotFound()
        return variables

    def _note_sent(self, message: OutboxMessage) -> None:
        """Note that the server has the message, for as long as it takes.

        Nobody may send it again.
        """
        now = self.clock()
        fields = {"state": SENT, "finished_at": now, "expires_at": now + KEPT_SENT}
        gone = dict.fromkeys(("due_at", "origin", "reason", "email"))
        while True:
            try:
                outbox.set_fields(message, fields | gone)
                break
            except Unavailable:
                time.sleep(1)
        _count(message, SENT)

    def _defer(self, message: OutboxMessage, reason: str, *, is_general: bool) -> None:
        """Let a message wait, and all others too if the server would refuse them."""
        now = self.clock()
        if now - message.created_at > PATIENCE:
            self._fail(message, reason, actor=SYSTEM)
            return
        delay = min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(message.attempts - 1, 20))
        delay *= 1 + JITTER * secrets.randbelow(1000) / 1000
        fields = {"due_at": now + timedelta(seconds=delay), "reason": reason}
        outbox.set_fields(message, fields)
        if is_general:
            outbox.postpone_due(now, until=now + timedelta(seconds=min(delay, MAX_PAUSE)))
        _count(message, "deferred")
        logger.warning("mail %s deferred (attempt %d): %s", message.kind, message.attempts, reason)

    @transactional()
    def _fail(self, message: OutboxMessage, reason: str, *, actor: Principal) -> None:
        now = self.clock()
        fields = {"state": FAILED, "finished_at": now, "expires_at": now + KEPT_FAILED}
        if not outbox.set_fields(message, fields | {"due_at": None, "reason": reason}):
            return
        changes = {
            "mail": {"before": None, "after": message.kind},
            "reason": {"before": None, "after": reason},
        }
        target = Target("user", str(message.user_id) if message.user_id else None)
        append_entry("mail.failed", target, actor=actor, at=now, changes=changes)
        count_after_commit(metrics.mail_messages().labels(message.kind, FAILED))


def _restore_actor(message: OutboxMessage) -> Principal:
    """Return who asked for the message: rollbook itself, or somebody whose rights are not known."""
    if not message.origin:
        return SYSTEM
    origin = Origin(**message.origin, accept_language=message.language)
    return Principal(ActorKind.ANONYMOUS, None, frozenset(), origin)


def _count(message: OutboxMessage, result: str) -> None:
    metrics.mail_messages().labels(message.kind, result).inc()
