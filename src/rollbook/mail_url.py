"""Where mail goes and who sends it: the parts of MAIL_URL and MAIL_FROM."""

import ipaddress
from dataclasses import dataclass
from email.headerregistry import Address
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from email_validator import validate_email

FORMS = (
    "Write smtp://user:password@host:587, smtps://host:465 or file:///folder, with user and "
    "password percent-encoded."
)
PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class MailFolder:
    """Each message becomes a file in `path`."""

    path: Path


@dataclass(frozen=True)
class MailServer:
    """An SMTP server. `uses_tls`: from the first byte; `needs_starttls`: before anything secret."""

    host: str
    port: int
    uses_tls: bool
    needs_starttls: bool
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"


MailTarget = MailFolder | MailServer


def parse_mail_url(url: str) -> MailTarget:
    """Parse a MAIL_URL. Raises: ValueError, with what to write instead."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"not a host and port. {FORMS}") from None
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/") or parts.path == "/":
            raise ValueError("not a folder. Write file:///var/mail/rollbook, with three slashes.")
        return MailFolder(Path(unquote(parts.path)))
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError(f"not a mail server. {FORMS}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if options not in ({}, {"tls": "none"}) or parts.fragment:
        raise ValueError("?tls=none is the only option.")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("give both a user and a password, or neither.")
    uses_tls = parts.scheme == "smtps"
    if uses_tls and options:
        raise ValueError("smtps:// always uses TLS. Write smtp:// with ?tls=none.")
    return MailServer(
        parts.hostname,
        port or PORTS[parts.scheme],
        uses_tls,
        needs_starttls=not (uses_tls or options or _is_loopback(parts.hostname)),
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def parse_mailbox(text: str) -> Address:
    """Parse `ada@example.com` or `Ada Lovelace <ada@example.com>`. Raises: ValueError.

    An international domain is returned in ASCII (RFC 5891).
    """
    name, _, rest = text.rpartition("<")
    if name and not rest.endswith(">"):
        raise ValueError("no > after the address")
    mailbox = rest.removesuffix(">") if name else text
    ascii_form = validate_email(mailbox, check_deliverability=False).ascii_email
    if ascii_form is None:
        raise ValueError("not ASCII")
    return Address(name.strip().strip('"'), addr_spec=ascii_form)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
