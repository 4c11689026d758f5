"""Sending to a real SMTP server: what it accepts, refuses, delays and drops."""

import socket
import ssl
import time
from datetime import UTC, datetime
from email.utils import parseaddr

import pytest

from rollbook.kit import clock
from rollbook.mail.composing import Correspondent, compose
from rollbook.mail.errors import Deferred, Refused
from rollbook.mail.smtp import SmtpTransport
from rollbook.mail.templates import Content
from rollbook.mail_url import MailServer, parse_mail_url, parse_mailbox
from rollbook.self_signed_certificate import create_certificate, create_key
from tests.harness.smtp import smtp_server

SENDER = Correspondent(
    parse_mailbox("Rollböök, Inc. <users@house.org>"), parse_mailbox("help@house.org")
)
CONTENT = Content("Grüße: confirm", "Hello\n.\nÄ\n", "<p>Hello</p>")


def write(recipient="ada@example.com", content=CONTENT):
    return compose(
        content,
        SENDER,
        recipient,
        id="1",
        message_id="<1@house.org>",
        language="en",
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def connect(mailbox, **fields):
    server = MailServer("127.0.0.1", mailbox.port, uses_tls=False, needs_starttls=False, **fields)
    return SmtpTransport(server, "house.org", seconds=1)


@pytest.fixture
def mailbox():
    with smtp_server() as running:
        yield running


@pytest.fixture
def transport(mailbox):
    transport = connect(mailbox)
    yield transport
    transport.close()


def test_message_arrives_as_it_was_written(mailbox, transport):
    transport.send(write())
    (message,) = mailbox.messages
    assert message["From"] == '"Rollböök, Inc." <users@house.org>'
    assert (message["To"], message["Subject"]) == ("ada@example.com", "Grüße: confirm")
    assert (message["Reply-To"], message["Message-ID"]) == ("help@house.org", "<1@house.org>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_body(("plain",)).get_content() == "Hello\r\n.\r\nÄ\r\n"
    assert message.get_body(("html",)).get_content() == "<p>Hello</p>\r\n"
    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("users@house.org", ["ada@example.com"])
    raw = envelope.original_content
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert raw.isascii()


def test_messages_share_a_connection(mailbox, transport):
    for _ in range(3):
        transport.send(write())
    assert (len(mailbox.envelopes), mailbox.connections) == (3, 1)


@pytest.mark.parametrize(
    "recipient", ["o'hara+tag@example.com", "ada@bücher.example", "{a|b}=c@example.com"]
)
def test_unusual_addresses_arrive_in_ascii(mailbox, transport, recipient):
    transport.send(write(recipient))
    (sent,) = mailbox.envelopes[0].rcpt_tos
    assert sent.isascii()
    assert parseaddr(mailbox.messages[0]["To"])[1] == sent


def test_international_mailbox_needs_smtputf8():
    with smtp_server(enable_SMTPUTF8=True) as mailbox:
        transport = connect(mailbox)
        transport.send(write("bücher@example.com"))
        transport.close()
        assert mailbox.envelopes[0].rcpt_tos == ["bücher@example.com"]
        assert "SMTPUTF8" in mailbox.envelopes[0].mail_options
    with smtp_server(enable_SMTPUTF8=False) as mailbox:
        transport = connect(mailbox)
        with pytest.raises(Refused, match="SMTPUTF8"):
            transport.send(write("bücher@example.com"))
        transport.close()


@pytest.mark.parametrize("injected", ["\r\nBcc: eve@example.com", "\nX: y", "\r\n\r\nbody"])
def test_line_break_in_a_header_is_refused(injected):
    with pytest.raises(ValueError, match=r"newline|linefeed|valid"):
        write(content=Content(f"Hello{injected}", "text", "html"))
    with pytest.raises(ValueError, match=r"valid|not allowed|@"):
        write(f"ada@example.com{injected}")


@pytest.mark.parametrize(
    ("command", "reply", "error", "is_general"),
    [
        ("MAIL", "550 5.7.1 no", Deferred, True),
        ("MAIL", "451 4.3.0 later", Deferred, True),
        ("RCPT", "450 4.2.1 ada@example.com is busy", Deferred, False),
        ("RCPT", "550 5.1.1 ada@example.com is unknown", Refused, None),
        ("DATA", "452 4.3.1 full", Deferred, False),
        ("DATA", "554 5.6.0 spam", Refused, None),
        ("RCPT", "421 4.3.2 closing", Deferred, True),
    ],
)
def test_refusals_are_final_or_not(mailbox, transport, command, reply, error, is_general):
    mailbox.replies[command] = reply
    with pytest.raises(error) as raised:
        transport.send(write())
    assert getattr(raised.value, "is_general", None) is is_general
    assert reply[:3] in str(raised.value)
    assert "ada" not in str(raised.value)
    mailbox.replies.clear()
    transport.send(write())
    assert len(mailbox.envelopes) == 1


def test_dropped_connection_is_deferred(mailbox, transport):
    mailbox.drops = "DATA"
    with pytest.raises(Deferred) as raised:
        transport.send(write())
    assert raised.value.is_general
    mailbox.drops = ""
    transport.send(write())
    assert len(mailbox.envelopes) == 1


def test_server_that_is_away_or_hangs_is_deferred():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        server = MailServer("127.0.0.1", port, uses_tls=False, needs_starttls=False)
        began = time.monotonic()
        with pytest.raises(Deferred):
            SmtpTransport(server, "house.org", seconds=0.3).send(write())
        assert time.monotonic() - began < 2
    with pytest.raises(Deferred):
        SmtpTransport(server, "house.org", seconds=0.3).send(write())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_sign_in_is_sent_and_never_shown(monkeypatch):
    with smtp_server(auth_require_tls=False, auth_required=True) as mailbox:
        transport = connect(mailbox, user="rollbook", password="s3cret words")
        transport.send(write())
        assert mailbox.sign_ins == [(b"rollbook", b"s3cret words")]
        transport.close()
        mailbox.replies["AUTH"] = "535"
        with pytest.raises(Deferred) as raised:
            transport.send(write())
        assert raised.value.is_general
        assert "s3cret" not in f"{raised.value!r} {transport._server!r}"


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """The files of a certificate for localhost that this process trusts."""
    key = create_key()
    (tmp_path / "key").write_text(key)
    (tmp_path / "crt").write_text(create_certificate(key, clock.now()))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "crt"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    return context


def test_starttls_is_required_and_verified(certificate, monkeypatch):
    with smtp_server(tls_context=certificate, require_starttls=True) as mailbox:
        server = MailServer("localhost", mailbox.port, uses_tls=False, needs_starttls=True)
        transport = SmtpTransport(server, "house.org", seconds=2)
        transport.send(write())
        transport.close()
        assert len(mailbox.envelopes) == 1
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(Deferred, match="TLS"):
            SmtpTransport(server, "house.org", seconds=2).send(write())
    with smtp_server() as mailbox:
        server = MailServer("localhost", mailbox.port, uses_tls=False, needs_starttls=True)
        with pytest.raises(Deferred, match="STARTTLS"):
            SmtpTransport(server, "house.org", seconds=2).send(write())
        assert mailbox.envelopes == []


@pytest.mark.parametrize(
    ("url", "needs_starttls"),
    [
        ("smtp://mail.example.com", True),
        ("smtp://mail.example.com?tls=none", False),
        ("smtp://localhost:25", False),
        ("smtp://127.0.0.2", False),
        ("smtp://[::1]", False),
        ("smtps://mail.example.com", False),
    ],
)
def test_starttls_is_needed_beyond_loopback(url, needs_starttls):
    target = parse_mail_url(url)
    assert isinstance(target, MailServer)
    assert target.needs_starttls is needs_starttls


def test_refusal_before_a_hang_up_is_final(mailbox, transport):
    mailbox.replies["DATA"] = "554 5.6.0 spam"
    mailbox.drops = "RSET"
    with pytest.raises(Refused):
        transport.send(write())


def test_password_that_smtplib_cannot_send_is_deferred():
    with smtp_server(auth_require_tls=False) as mailbox:
        transport = connect(mailbox, user="rollbook", password="pässword")
        with pytest.raises(Deferred):
            transport.check()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("users@bücher.example", "users@xn--bcher-kva.example"),
        ("Example, Inc. <users@example.com>", '"Example, Inc." <users@example.com>'),
        ('"Example, Inc." <users@example.com>', '"Example, Inc." <users@example.com>'),
    ],
)
def test_sender_is_written_as_one_mailbox(written, sent):
    assert str(parse_mailbox(written)) == sent
