"""Mail to an SMTP server (RFC 5321)."""

import smtplib
import ssl
from typing import NoReturn

from rollbook.mail.composing import Envelope
from rollbook.mail.errors import Deferred, Refused
from rollbook.mail_url import MailServer

SECONDS = 10.0
"""How long a server may take for a reply."""
DATA_SECONDS = 60.0
"""The same for a whole message: what is repeated too early arrives twice (RFC 5321 §4.5.3.2.6)."""
OK = 250


class SmtpTransport:
    """Keeps the connection until `close`. `client_name` is what it says in EHLO."""

    def __init__(self, server: MailServer, client_name: str, *, seconds: float = SECONDS) -> None:
        self._server = server
        self._client_name = client_name
        self._seconds = seconds
        self._connection: smtplib.SMTP | None = None

    def send(self, envelope: Envelope) -> None:
        """Send a message. Raises: Deferred, Refused."""
        try:
            connection = self._connection or self._connect()
            self._start(connection, envelope)
            self._finish(connection, envelope)
        except (OSError, ValueError, smtplib.SMTPException) as error:
            self.close()
            raise Deferred(_describe(error), is_general=True) from None

    def check(self) -> None:
        """Connect and sign in, without sending anything. Raises: Deferred."""
        try:
            self._connect()
        except (OSError, ValueError, smtplib.SMTPException) as error:
            raise Deferred(_describe(error), is_general=True) from None
        finally:
            self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            try:
                connection.quit()
            except (OSError, smtplib.SMTPException):
                connection.close()

    def read(self, id: str) -> bytes | None:
        """Return None: the server has the message."""
        del id
        return None

    def _connect(self) -> smtplib.SMTP:
        """Connect, encrypt and sign in."""
        server = self._server
        context = ssl.create_default_context()
        name, seconds = self._client_name, self._seconds
        connection: smtplib.SMTP
        if server.uses_tls:
            connection = smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=seconds, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, name, timeout=seconds)
        self._connection = connection
        connection.ehlo_or_helo_if_needed()
        if server.needs_starttls:
            connection.starttls(context=context)
            connection.ehlo()  # RFC 3207 §4.2: what the server said before does not count.
        if server.user is not None and server.password is not None:
            connection.login(server.user, server.password)
        return connection

    def _start(self, connection: smtplib.SMTP, envelope: Envelope) -> None:
        """Name the sender and the recipient. A refusal of the sender concerns every message."""
        options = []
        if envelope.needs_utf8:
            if not connection.has_extn("smtputf8"):
                raise Refused("The server has no SMTPUTF8, which this address needs.")
            options = ["SMTPUTF8", "BODY=8BITMIME"]
        code, reply = connection.mail(envelope.sender, options)
        if code != OK:
            self.close()
            raise Deferred(_describe_reply("MAIL FROM", code, reply), is_general=True)
        code, reply = connection.rcpt(envelope.recipient)
        if code not in (OK, 251):
            self._give_up(connection, "RCPT TO", code, reply)

    def _finish(self, connection: smtplib.SMTP, envelope: Envelope) -> None:
        """Send the message itself."""
        self._set_timeout(connection, max(DATA_SECONDS, self._seconds))
        try:
            code, reply = connection.data(envelope.content)
        except smtplib.SMTPDataError as error:
            self._give_up(connection, "DATA", error.smtp_code, error.smtp_error)
        if code != OK:
            self._give_up(connection, "DATA", code, reply)
        self._set_timeout(connection, self._seconds)

    def _set_timeout(self, connection: smtplib.SMTP, seconds: float) -> None:
        if connection.sock:
            connection.sock.settimeout(seconds)

    def _give_up(
        self, connection: smtplib.SMTP, command: str, code: int, reply: bytes | str
    ) -> NoReturn:
        """Raise what a reply means: 4xx may succeed later, 5xx never (RFC 5321 §4.2.1)."""
        reason = _describe_reply(command, code, reply)
        if code == 421:
            self.close()
            raise Deferred(reason, is_general=True)
        try:
            connection.rset()
        except (OSError, smtplib.SMTPException):
            self.close()  # It has hung up, which does not change what it said.
        raise Refused(reason) if code >= 500 else Deferred(reason)


def _describe_reply(command: str, code: int, reply: bytes | str) -> str:
    """Describe a refusal by its codes. The text of a server may repeat the address."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    enhanced = text.split(" ", 1)[0]
    is_code = enhanced.count(".") == 2 and enhanced.replace(".", "").isdigit()
    return f"{command}: {code}{f' {enhanced}' if is_code else ''}"


def _describe(error: Exception) -> str:
    """Describe why there is no connection, without what a server or a library repeats."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"AUTH: {error.smtp_code}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__}: {error.smtp_code}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "The server does not offer STARTTLS or the sign-in that MAIL_URL needs."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    return getattr(error, "strerror", None) or type(error).__name__
