"""An outbox, and a sender whose clock and server a test controls."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address

import pytest
from bson import ObjectId

from rollbook.access.principal import SYSTEM
from rollbook.mail.composing import Correspondent
from rollbook.mail.dao import outbox
from rollbook.mail.mailer import Mailer, Recipient
from rollbook.mail.sender import MailSender
from rollbook.mail.service import MailService
from rollbook.mail.templates import Templates
from rollbook.services import build_services
from rollbook.settings import Settings
from rollbook.storage.transactions import in_transaction

USER = ObjectId()
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Notice:
    """The preparation of a test message. `address` None: nobody gets it."""

    address: str | None = "ada@example.com"

    def find_recipient(self, message):
        return Recipient(USER, self.address, "de-AT") if self.address else None

    def prepare(self, message, recipient, *, actor):
        return {}


@dataclass
class Server:
    """A transport that records, or raises `error`."""

    error: Exception | None = None
    sent: list = field(default_factory=list)

    def send(self, envelope):
        if self.error:
            raise self.error
        self.sent.append(envelope)

    def check(self): ...
    def close(self): ...
    def read(self, id): ...


@dataclass
class Office:
    """`now` is what the clock shows. `counted`: the messages that the limit was asked about."""

    server: Server = field(default_factory=Server)
    notice: Notice = field(default_factory=Notice)
    now: datetime = START
    is_allowed: bool = True

    def __post_init__(self):
        templates = Templates(None, ["en", "de"], "rollbook", {"test": {}})
        sender = Correspondent(Address(addr_spec="users@house.org"))
        self.mailer = Mailer(templates, sender, self.server)
        self.mail = MailService(lambda: self.now, self.mailer)
        self.sender = self.build_sender()

    def build_sender(self):
        kinds = {"test": self.notice}
        return MailSender(lambda: self.now, self.mailer, kinds, lambda *_: self.is_allowed)

    def enqueue(self, number=1):
        for _ in range(number):
            in_transaction(lambda: self.mail.enqueue("test", actor=SYSTEM), actor=SYSTEM)

    def wait(self, **time):
        self.now += timedelta(**time)

    def get_message(self):
        (row,) = outbox._collection.find()
        return outbox.to_document(row)


@pytest.fixture
def office(stored):
    return Office()


@pytest.fixture
def make_mail_services(settings):
    """Builds services with a MAIL_URL."""

    def build(url):
        return build_services(Settings.model_validate(settings.model_dump() | {"mail_url": url}))

    return build
