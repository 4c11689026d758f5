"""Messages of a real server to a real SMTP server, which fails in every way."""

import os
import random  # noqa: TID251 - chooses the worker to kill
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.conftest import PASSWORD
from tests.harness.serving import get_free_port, serving, wait_until
from tests.harness.smtp import smtp_server

MAILS, KILLS = int(os.environ.get("MAILS", "40")), int(os.environ.get("MAIL_KILLS", "0"))
CLAIM_SECONDS = 300
"""A message of a killed process waits for so long."""
SECONDS = 90 + MAILS / 4 + (2 * CLAIM_SECONDS if KILLS else 0)
NEW = "another row of long words"
pytestmark = [pytest.mark.long, pytest.mark.timeout(2 * SECONDS)]


@pytest.fixture
def port():
    return get_free_port()


@pytest.fixture
def server(mongod, tmp_path, port):
    settings = {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": f"mail_{port}",
        "MAIL_URL": f"smtp://127.0.0.1:{port}",
        "EMAIL_VERIFICATION": "off",
        "WORKERS": 2,
    }
    with serving(tmp_path, **settings) as running:
        running.await_status("/ready", 200)
        yield running


def create_users(server, number):
    def create(index):
        body = {"email": f"user{index}@house.org", "password": PASSWORD}
        return httpx.post(f"{server.url}/api/users", json=body, timeout=20).status_code

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(create, range(number))) == {201}


def forget_at(server, index, time_):
    time.sleep(max(0, time_ - time.monotonic()))
    return forget(server, index)


def forget(server, index):
    """Ask until the server has accepted it: a worker may be killed meanwhile.

    The number of requests. One whose response was lost may have stored a message.
    """
    asked = 0

    def ask():
        nonlocal asked
        asked += 1
        body = {"email": f"user{index}@house.org"}
        try:
            return httpx.post(f"{server.url}/api/auth/password/forgot", json=body, timeout=10)
        except httpx.TransportError:
            return None

    wait_until(lambda: (answer := ask()) is not None and answer.status_code == 202, seconds=60)
    return asked


def read_token(message):
    text = message.get_body(("plain",)).get_content()
    return parse_qs(urlsplit(re.search(r"http\S+", text)[0]).query)["token"][0]


def kill_worker(server):
    pids = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    os.kill(int(random.choice(pids.split())), signal.SIGKILL)


def list_recipients(mailboxes):
    return Counter(str(m["To"]) for mailbox in mailboxes for m in mailbox.messages)


def test_message_arrives_within_two_seconds(server, port):
    with smtp_server(port) as mailbox:
        create_users(server, 1)
        time.sleep(1)
        began = time.monotonic()
        forget(server, 0)
        wait_until(lambda: mailbox.envelopes)
        assert time.monotonic() - began < 2
        body = {"token": read_token(mailbox.messages[0]), "password": NEW}
        reset = httpx.post(f"{server.url}/api/auth/password/reset", json=body)
        assert reset.status_code == 204
        wait_until(lambda: len(mailbox.envelopes) == 2)
    log = server.log.read_text()
    assert body["token"] not in log
    assert "house.org" not in log


OUTAGE_SECONDS = 25
"""So long the requests are spread, while the SMTP server fails."""
OUTAGES = [{"RCPT": "450 4.2.1 busy"}, {"MAIL": "550 5.7.1 no"}, {"DATA": "451 4.3.0 later"}]


def fail_in_turn(port, mailboxes, is_over):
    """Serve and fail: refuse, drop after DATA, be away. Then serve until `is_over`."""
    for replies in OUTAGES:
        with smtp_server(port) as mailbox:
            mailboxes.append(mailbox)
            time.sleep(2)
            mailbox.replies.update(replies)
            time.sleep(2)
            mailbox.replies.clear()
            time.sleep(2)
            mailbox.drops, mailbox.accepts_before_drop = "DATA", True
            time.sleep(1)
        time.sleep(3)
    with smtp_server(port) as mailbox:
        mailboxes.append(mailbox)
        wait_until(is_over, seconds=SECONDS)


def test_every_message_arrives_through_outages_and_kills(server, port, capsys):
    create_users(server, MAILS)
    mailboxes = []
    everyone = {f"user{index}@house.org" for index in range(MAILS)}

    def is_over():
        return set(list_recipients(mailboxes)) >= everyone

    with ThreadPoolExecutor(6) as pool:
        failing = pool.submit(fail_in_turn, port, mailboxes, is_over)
        began, pace = time.monotonic(), OUTAGE_SECONDS / MAILS
        asking = [
            pool.submit(forget_at, server, index, began + index * pace) for index in range(MAILS)
        ]
        for _ in range(KILLS):
            time.sleep(1.5)
            kill_worker(server)
        repeated = sum(each.result() - 1 for each in asking)
        failing.result()
    received = list_recipients(mailboxes)
    drops = sum(mailbox.accepted_drops for mailbox in mailboxes)
    last = {str(m["To"]): m for mailbox in mailboxes for m in mailbox.messages}
    ids = Counter(str(m["Message-ID"]) for mailbox in mailboxes for m in mailbox.messages)
    duplicates = sum(ids.values()) - len(ids)
    for email in random.sample(sorted(everyone), 10):
        body = {"token": read_token(last[email]), "password": NEW}
        reset = httpx.post(f"{server.url}/api/auth/password/reset", json=body, timeout=20)
        assert reset.status_code == 204
    with capsys.disabled():
        print(
            f"\n{MAILS:,} resets, {repeated} asked for again, {KILLS} killed workers, "
            f"{drops} connections dropped after DATA: {len(received):,} arrived, "
            f"{duplicates} of them twice, with the same Message-ID"
        )
    assert set(received) == everyone
    assert duplicates <= KILLS + drops
    assert len(ids) <= len(everyone) + repeated
    assert "Traceback" not in server.log.read_text()
