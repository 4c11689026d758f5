"""Write a message in the language of its recipient, and hand it over to a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bson import ObjectId

from rollbook.mail.composing import Correspondent, Envelope, compose
from rollbook.mail.documents import OutboxMessage
from rollbook.mail.errors import MailNotConfigured, Refused
from rollbook.mail.languages import choose_language
from rollbook.mail.templates import Templates


@dataclass(frozen=True)
class Recipient:
    """Who gets a message. `locale` is the user's, if they have chosen one.

    `user_id` is None for an address without an account.
    """

    user_id: ObjectId | None
    address: str
    locale: str | None


class Transport(Protocol):
    def send(self, envelope: Envelope) -> None:
        """Send a message. Raises: Deferred, Refused."""

    def check(self) -> None:
        """Require that messages can be sent. Raises: Deferred."""

    def close(self) -> None:
        """Close the connection, if there is one."""

    def read(self, id: str) -> bytes | None:
        """Read a message that was sent. None where that is not possible."""


@dataclass(frozen=True)
class Mailer:
    """`transport` is None without MAIL_URL."""

    templates: Templates
    correspondent: Correspondent
    transport: Transport | None

    def send(
        self,
        message: OutboxMessage,
        recipient: Recipient,
        variables: Mapping[str, Any],
        *,
        at: datetime,
    ) -> None:
        """Write and send a message.

        Raises: Deferred, Refused, TemplateRefused, MailNotConfigured.
        """
        language = choose_language(self.templates.languages, recipient.locale, message.language)
        content = self.templates.render(message.kind, language, variables)
        try:
            envelope = compose(
                content,
                self.correspondent,
                recipient.address,
                id=str(message.pk),
                message_id=message.message_id,
                language=language,
                at=at,
            )
        except ValueError:  # Its text may repeat the address.
            raise Refused("The address or the subject cannot be in a message.") from None
        self.get_transport().send(envelope)

    def get_transport(self) -> Transport:
        """Return the transport. Raises: MailNotConfigured."""
        if self.transport is None:
            raise MailNotConfigured()
        return self.transport

    def close(self) -> None:
        if self.transport:
            self.transport.close()
