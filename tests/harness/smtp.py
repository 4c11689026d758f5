"""A real SMTP server on loopback, which answers what a test wants."""
# ruff: noqa: N802 - aiosmtpd calls methods by these names

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.harness.serving import get_free_port


@dataclass
class Mailbox:
    """What the server has accepted. `replies`: command → the reply to it, instead of success.

    `drops`: the command at which it closes the connection. A `drops` of DATA has accepted the
    message when `accepts_before_drop`, which `accepted_drops` counts.
    """

    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    drops: str = ""
    accepts_before_drop: bool = False
    envelopes: list[Envelope] = field(default_factory=list)
    sign_ins: list[tuple[bytes, bytes]] = field(default_factory=list)
    connections: int = 0
    accepted_drops: int = 0

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(e.content, policy=policy.default) for e in self.envelopes]

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if "MAIL" in self.replies:
            return self.replies["MAIL"]
        envelope.mail_from, envelope.mail_options = address, options
        return "250 OK"

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if "RCPT" in self.replies:
            return self.replies["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.replies:
            return self.replies["DATA"]
        is_dropped = self.drops == "DATA"
        if not is_dropped or self.accepts_before_drop:
            self.envelopes.append(envelope)
            self.accepted_drops += is_dropped
        if is_dropped and server.transport:
            server.transport.close()
        return "250 OK"

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.drops == "RSET" and server.transport:
            server.transport.close()
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        pair = (getattr(data, "login", b""), getattr(data, "password", b""))
        self.sign_ins.append(pair)
        return AuthResult(success="AUTH" not in self.replies)


@contextmanager
def smtp_server(port: int = 0, **options: object) -> Iterator[Mailbox]:
    """Serve on loopback. `options` are those of aiosmtpd's SMTP."""
    mailbox = Mailbox(port or get_free_port())
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        authenticator=mailbox.authenticate,
        **options,
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop(no_assert=True)
