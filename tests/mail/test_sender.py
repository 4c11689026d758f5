"""Each message is sent once, tried again when it may help, and kept when it failed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rollbook.access.principal import SYSTEM
from rollbook.kit.errors import Conflict
from rollbook.leases.dao import leases
from rollbook.limits.errors import LimitsUnavailable
from rollbook.mail.dao import outbox
from rollbook.mail.errors import Deferred, MailNotConfigured, MessageNotFound, Refused
from rollbook.mail.mailer import Mailer
from rollbook.mail.sender import CLAIM_TIME, LEASE
from rollbook.mail.service import MailService
from rollbook.storage.transactions import in_transaction


def test_message_is_sent_and_its_content_removed(office, stored):
    office.enqueue()
    assert office.sender.run() == 1
    assert office.server.sent[0].recipient == "ada@example.com"
    assert b"Content-Language: de" in office.server.sent[0].content
    message = office.get_message()
    assert (message.state, message.attempts, message.due_at) == ("sent", 1, None)
    stored_fields = stored.mail.find_one()
    assert not {"origin", "email", "reason"} & stored_fields.keys()
    assert stored_fields["expires_at"] - stored_fields["created_at"] == timedelta(days=7)
    assert office.sender.run() == 0
    assert stored.leases.find_one({"_id": LEASE}) is None


def test_message_of_a_change_that_fails_is_not_stored(office):
    def fail():
        office.mail.enqueue("test", actor=SYSTEM)
        raise Conflict()

    with pytest.raises(Conflict):
        in_transaction(fail, actor=SYSTEM)
    assert outbox._collection.count_documents({}) == 0


def test_deferred_message_waits_twice_as_long_each_time(office):
    office.enqueue()
    office.server.error = Deferred("RCPT TO: 450")
    waits = []
    for _ in range(12):
        office.sender.run()
        message = office.get_message()
        waits.append((message.due_at - office.now).total_seconds())
        office.wait(seconds=waits[-1])
    assert 6 <= waits[0] <= 7.2
    assert 12 <= waits[1] <= 14.4
    assert 1800 <= waits[-1] <= 2160
    assert message.reason == "RCPT TO: 450"
    office.server.error = None
    assert office.sender.run() == 1
    assert office.get_message().state == "sent"


def test_message_fails_after_a_day_and_is_audited(office, stored):
    office.enqueue()
    office.server.error = Deferred("away", is_general=True)
    office.sender.run()
    office.wait(hours=24, seconds=1)
    office.sender.run()
    message = office.get_message()
    assert (message.state, message.reason) == ("failed", "away")
    entry = stored.audit.find_one({"action": "mail.failed"})
    assert entry["target_id"] == str(message.user_id)
    assert entry["changes"]["reason"]["after"] == "away"


def test_refused_message_fails_at_once_and_can_be_retried(office, stored):
    office.enqueue()
    office.server.error = Refused("RCPT TO: 550 5.1.1")
    office.sender.run()
    message = office.get_message()
    assert (message.state, message.reason) == ("failed", "RCPT TO: 550 5.1.1")
    office.server.error = None
    office.wait(hours=30)
    office.mail.retry(message.pk, actor=SYSTEM)
    assert office.sender.run() == 1
    assert office.get_message().state == "sent"
    with pytest.raises(MessageNotFound):
        office.mail.retry(message.pk, actor=SYSTEM)
    actions = [entry["action"] for entry in stored.audit.find()]
    assert actions == ["mail.failed", "mail.retried"]


@pytest.mark.parametrize("address", ["no address", "ada@example.com\r\nBcc: eve@example.com"])
def test_address_that_cannot_be_in_a_message_fails(office, address):
    office.notice.address = address
    office.enqueue()
    assert office.sender.run() == 1
    assert office.get_message().state == "failed"
    assert "eve" not in office.get_message().reason


def test_server_that_is_away_is_not_asked_for_each_message(office):
    office.enqueue(20)
    office.server.error = Deferred("away", is_general=True)
    assert office.sender.run() == 1
    assert office.build_sender().run() == 0
    office.wait(seconds=8)
    office.server.error = None
    assert office.sender.run() == 20


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("ada@example.com"), RuntimeError()])
def test_unexpected_error_defers_one_message(office, error, caplog):
    office.enqueue(2)
    office.server.error = error
    assert office.sender.run() == 2
    rows = list(outbox._collection.find())
    assert {row["reason"] for row in rows} == {type(error).__name__}
    assert "ada@example.com" not in caplog.text


def test_limits_that_are_away_let_everything_wait(office):
    office.enqueue(3)
    office.sender._is_allowed = lambda *_: (_ for _ in ()).throw(LimitsUnavailable())
    assert office.sender.run() == 1
    assert "store of limits" in str([row.get("reason") for row in outbox._collection.find()])
    office.sender._is_allowed = lambda *_: True
    office.wait(seconds=8)
    assert office.sender.run() == 3


def test_late_note_of_a_slow_process_changes_nothing(office):
    office.enqueue()

    class Slow(Deferred):
        """While it is raised, another process claims the message and sends it."""

        def __init__(self):
            office.server.error = None
            office.now += CLAIM_TIME
            leases.release(LEASE, office.sender._holder)
            office.build_sender().run()
            super().__init__("late")

    office.server.send = lambda envelope: office.server.send_slowly(envelope)
    calls = []

    def send_slowly(envelope):
        calls.append(envelope)
        if len(calls) == 1:
            raise Slow()

    office.server.send_slowly = send_slowly
    office.sender.run()
    assert len(calls) == 2
    assert office.get_message().state == "sent"


def test_sender_that_stops_finishes_its_message(office):
    office.enqueue(2)
    office.server.send = lambda envelope: threading.Thread(target=office.sender.finish).start()
    assert office.sender.run() >= 1
    office.sender.finish()
    states = [row["state"] for row in outbox._collection.find()]
    assert sorted(states) == ["sent", "waiting"]
    assert office.sender.run() == 0


def test_message_for_nobody_or_beyond_the_limit_is_dropped(office):
    office.enqueue()
    office.notice.address = None
    office.sender.run()
    office.notice.address = "ada@example.com"
    office.is_allowed = False
    office.enqueue()
    office.sender.run()
    assert outbox._collection.count_documents({}) == 0
    assert office.server.sent == []


def test_retried_message_does_not_count_again(office):
    office.enqueue()
    office.server.error = Deferred("later")
    office.sender.run()
    office.server.error, office.is_allowed = None, False
    office.wait(seconds=10)
    office.sender.run()
    assert len(office.server.sent) == 1


def test_message_of_a_dead_process_is_sent_by_another(office):
    office.enqueue()

    class Killed(BaseException): ...

    office.server.error = Killed()
    with pytest.raises(Killed):
        office.sender.run()
    office.server.error = None
    other = office.build_sender()
    assert other.run() == 0
    office.now += CLAIM_TIME
    assert other.run() == 1
    assert office.get_message().attempts == 2


def test_many_senders_send_each_message_once(office):
    office.enqueue(40)
    senders = [office.build_sender() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(10):
            list(pool.map(lambda sender: sender.run(), senders))
    ids = [envelope.id for envelope in office.server.sent]
    assert (len(ids), len(set(ids))) == (40, 40)


def test_without_a_server_nothing_is_stored(office):
    mailer = Mailer(office.mailer.templates, office.mailer.correspondent, None)
    mail = MailService(lambda: office.now, mailer)
    in_transaction(lambda: mail.enqueue("test", actor=SYSTEM), actor=SYSTEM)
    assert outbox._collection.count_documents({}) == 0
    with pytest.raises(MailNotConfigured):
        mail.require_configured()
