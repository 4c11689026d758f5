"""From a text to a message in the form of RFC 5322."""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from email_validator import validate_email

from rollbook.mail.templates import Content


@dataclass(frozen=True)
class Envelope:
    """What a server gets. `needs_utf8`: only a server with SMTPUTF8 (RFC 6531) can take it."""

    id: str
    sender: str
    recipient: str
    content: bytes
    needs_utf8: bool


@dataclass(frozen=True)
class Correspondent:
    """Who sends, and who gets replies."""

    address: Address
    reply_to: Address | None = None


def compose(
    content: Content,
    sender: Correspondent,
    recipient: str,
    *,
    id: str,
    message_id: str,
    language: str,
    at: datetime,
) -> Envelope:
    """Compose a message with a text and an HTML part. `id` names it, as for a file.

    The domain of an international address is sent in ASCII (RFC 5891), where its other part is.
    """
    ascii_form = validate_email(recipient, check_deliverability=False).ascii_email
    policy = SMTP if ascii_form else SMTPUTF8
    message = EmailMessage(policy=policy.clone(cte_type="7bit"))
    message["From"] = sender.address
    if sender.reply_to:
        message["Reply-To"] = sender.reply_to
    message["To"] = ascii_form or recipient
    message["Subject"] = content.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office replies.
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    message["Content-Language"] = language
    return Envelope(
        id,
        sender.address.addr_spec,
        ascii_form or recipient,
        message.as_bytes(),
        ascii_form is None,
    )
