"""Store messages, to be sent after the commit; list them, and let failed ones wait again."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

from bson import ObjectId

from rollbook.access.principal import Origin, Principal
from rollbook.audit.service import MAX_USER_AGENT_LENGTH, Target, append_entry
from rollbook.kit.clock import Clock
from rollbook.kit.listing import Page, PageRequest, Row
from rollbook.mail.dao import outbox
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.errors import MailNotConfigured
from rollbook.mail.languages import choose_language, parse_accepted
from rollbook.mail.mailer import Mailer, Recipient
from rollbook.storage.transactions import transactional

TEST_KIND = "test"
KEPT_SENT, KEPT_FAILED = timedelta(days=7), timedelta(days=30)
"""How long a message stays in the list."""


@dataclass(frozen=True)
class MailService:
    clock: Clock
    mailer: Mailer

    @property
    def is_configured(self) -> bool:
        return self.mailer.transport is not None

    @property
    def languages(self) -> Sequence[str]:
        """Those that are offered, the default first."""
        return self.mailer.templates.languages

    def require_configured(self) -> None:
        """Require that messages can be sent. Raises: MailNotConfigured."""
        if not self.is_configured:
            raise MailNotConfigured()

    def enqueue(
        self,
        kind: str,
        *,
        actor: Principal,
        user_id: ObjectId | None = None,
        email: str | None = None,
        locale: str | None = None,
    ) -> None:
        """Store a message for a user, or for the owner of an address, who may not exist.

        Call it inside the transaction of the change that it tells of. It is in a language that the
        caller accepts, unless the user has chosen one, or there is a `locale`. Without a mail
        server nothing is stored.
        """
        if not self.is_configured:
            return
        now = self.clock()
        accepted = parse_accepted(actor.origin.accept_language or "")
        outbox.insert(
            OutboxMessage(
                kind=kind,
                user_id=user_id,
                email=email,
                language=choose_language(self.languages, locale, *accepted),
                due_at=now,
                **self._build_fields(now),
                origin=_describe_origin(actor.origin),
            )
        )

    def _build_fields(self, now: datetime) -> dict[str, Any]:
        """Build what a message gets each time that it is wanted."""
        return {
            "nonce": secrets.token_hex(32),
            "message_id": create_message_id(self.mailer.correspondent.address.domain),
            "created_at": now,
        }

    def list_messages(self, request: PageRequest) -> Page[Row]:
        """List messages, the latest first."""
        return outbox.list_page(request)

    def get_message(self, id: ObjectId) -> OutboxMessage:
        """Return a message. Raises: MessageNotFound."""
        return outbox.get(id)

    def read_text(self, id: ObjectId) -> str | None:
        """Read the text of a message that was sent into a folder. None when it cannot be read."""
        transport = self.mailer.transport
        content = transport.read(str(id)) if transport else None
        if content is None:
            return None
        body = message_from_bytes(content, policy=policy.default).get_body(("plain",))
        return body.get_content().replace("\r\n", "\n") if body else None

    def send_test(self, address: str) -> None:
        """Send a message to an address, at once. Raises: MailNotConfigured, Deferred, Refused."""
        message = OutboxMessage(
            id=ObjectId(),
            kind=TEST_KIND,
            language=self.languages[0],
            message_id=create_message_id(self.mailer.correspondent.address.domain),
        )
        recipient = Recipient(None, address, None)
        self.mailer.send(message, recipient, {}, at=self.clock())
        self.mailer.close()

    @transactional()
    def retry(self, id: ObjectId, *, actor: Principal) -> OutboxMessage:
        """Let a failed message wait again. It gets a new link. Raises: MessageNotFound."""
        now = self.clock()
        gone = dict.fromkeys(("is_issued", "finished_at", "reason", "expires_at"))
        message = outbox.retry(id, {**self._build_fields(now), **gone, "due_at": now})
        changes = {"mail": {"before": None, "after": message.kind}}
        target = Target("user", str(message.user_id) if message.user_id else None)
        append_entry("mail.retried", target, actor=actor, at=now, changes=changes)
        return message


def create_message_id(domain: str) -> str:
    """Create a Message-ID (RFC 5322 §3.6.4)."""
    return f"<{secrets.token_hex(16)}@{domain}>"


def _describe_origin(origin: Origin) -> dict[str, str]:
    described = {
        name: value
        for name, value in asdict(origin).items()
        if name != "accept_language" and value is not None
    }
    if "user_agent" in described:
        described["user_agent"] = described["user_agent"][:MAX_USER_AGENT_LENGTH]
    return described
