"""Workers and clients that are killed while they write: no change is lost, and the record knows each one."""

import json
import os
import random  # noqa: TID251 - which worker dies is a matter of chance
import signal
import time
import uuid
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.conftest import ADA
from tests.harness.serving import eventually, serving
from tests.harness.writers import Client, Writer, send_and_die

KILLS = int(os.environ.get("KILLS", "3"))
WRITES = int(os.environ.get("WRITES", "500"))
WRITERS = 16
"""Twice as many as the server has threads, so that whoever is killed has something under way."""
SECONDS = 60 + 10 * KILLS + WRITES / 25
"""More than a slow machine needs: a kill costs the start of a worker, and holds its keys for 10 s."""
DATABASE = "killed_workers"
KEPT = ("Content-Type", "ETag", "Location")

pytestmark = pytest.mark.timeout(2 * SECONDS)


@pytest.fixture(scope="module")
def quick_to_abort(mongod):
    """What a killed worker leaves open, MongoDB keeps for 20 s otherwise, with all that it touched locked."""
    name = "transactionLifetimeLimitSeconds"
    with MongoClient(mongod.uri) as client:
        default = client.admin.command("getParameter", 1, **{name: 1})[name]
        client.admin.command("setParameter", 1, **{name: 5})
        yield
        client.admin.command("setParameter", 1, **{name: default})


@pytest.fixture(scope="module")
def killed(mongod, tmp_path_factory, quick_to_abort):
    """A server of its own, whose workers are to die."""
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": DATABASE, "WORKERS": 2, "THREADS": 4}
    with serving(tmp_path_factory.mktemp("killed"), LOG_LEVEL="WARNING", **settings) as running:
        running.await_status("/ready", 200)
        yield running


@pytest.fixture(scope="module")
def writers(killed):
    """As they are after the last of WRITES writes, over which KILLS kills were spread."""
    made = [Writer(killed.url, number) for number in range(WRITERS)]
    try:
        write_under_fire(killed, made)
        yield made
    finally:
        for writer in made:
            writer.close()


@pytest.fixture(scope="module")
def people(writers):
    """By id, as those know them who wrote."""
    people = {person.id: person for writer in writers for person in writer.people}
    assert len(people) == sum(len(writer.people) for writer in writers), "two keys made one user"
    return people


@pytest.fixture
def database(writers, mongod):
    with MongoClient(mongod.uri) as client:
        yield client[DATABASE]


@pytest.fixture
def stored(database):
    """By id, as MongoDB knows them."""
    return {str(user["_id"]): user for user in database.users.find()}


@pytest.fixture
def recorded(database):
    """By id, what the record holds of versions, the oldest first."""
    histories = defaultdict(list)
    for entry in database.audit.find({"target_type": "user", "version": {"$gt": 0}}).sort("version", 1):
        histories[entry["target_id"]].append(entry)
    return histories


def workers_of(server):
    parent = server.process.pid
    return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()


def kill_a_worker(server):
    victim = random.choice(workers_of(server))
    os.kill(int(victim), signal.SIGKILL)
    while victim in workers_of(server):  # A dead one is not to be killed again.
        time.sleep(0.01)


def acknowledged(writers):
    return sum(writer.acknowledged for writer in writers)


def write_under_fire(server, writers):
    until, kills = time.monotonic() + SECONDS, 0

    def enough():
        return acknowledged(writers) >= WRITES or time.monotonic() > until

    with ThreadPoolExecutor(len(writers)) as pool:
        running = [pool.submit(writer.write_until, enough) for writer in writers]
        while not all(each.done() for each in running):
            if kills < KILLS and acknowledged(writers) >= WRITES * (kills + 1) / (KILLS + 1):
                kill_a_worker(server)
                kills += 1
            time.sleep(0.01)
    for each in running:
        each.result()


def test_no_acknowledged_change_is_lost_and_none_is_without_its_entry(killed, writers, people, stored, recorded):
    lost = sum(person.lost(recorded[key] if key in stored else []) for key, person in people.items())
    versions = Counter((key, version) for key, user in stored.items() for version in range(1, user["version"] + 1))
    entries = Counter((key, entry["version"]) for key, history in recorded.items() for entry in history)
    print(
        f"\n{acknowledged(writers):,} acknowledged writes, {killed.log.read_text().count('was sent SIGKILL')} kills,"
        f" {sum(writer.unanswered for writer in writers):,} lost answers,"
        f" {max(writer.longest for writer in writers):.0f} s the longest wait: {lost} lost,"
        f" {(versions - entries).total()} without entry, {(entries - versions).total()} entries without change"
    )
    assert (lost, versions - entries, entries - versions) == (0, {}, {})
    assert acknowledged(writers) >= WRITES


def test_everyone_is_as_the_answers_say(people, stored, recorded):
    assert stored.keys() == people.keys()
    assert [key for key, person in people.items() if not person.is_as_told(stored[key], recorded[key])] == []


def test_a_create_is_answered_as_at_first_however_often_it_is_repeated(writers, people, database):
    with ThreadPoolExecutor(len(writers)) as pool:
        repeats = [pair for repeated in pool.map(Writer.repeat_all, writers) for pair in repeated]
    for person, answer in repeats:
        assert (answer.status, answer.is_replayed, answer.body) == (201, True, person.told.body)
        assert [answer.headers[name] for name in KEPT] == [person.told.headers[name] for name in KEPT]
    assert database.users.count_documents({}) == len(people)
    assert database.audit.count_documents({"action": "user.created"}) == len(people)


def test_the_tallies_are_the_numbers_of_users(database, stored):
    tallies = Counter()
    for shard in database.user_tallies.find():
        tallies.update(shard["counts"])
    assert tallies == Counter(f"{u['role']}:{u['is_active']:d}{u['is_deleted']:d}" for u in stored.values())


def test_the_log_tells_of_killed_workers_and_of_no_other_error(killed, writers):
    log = killed.log.read_text()
    errors = [line for line in log.splitlines() if " ERROR " in line]
    assert ["was sent SIGKILL" in line for line in errors] == [True] * KILLS, log
    assert "Traceback" not in log


@pytest.fixture
def clients(server, environment):
    """Of a server that is ready in each of its processes: one that is not would answer 503 to who cannot hear it."""
    eventually(lambda: server.log.read_text().count("database ready") >= environment["WORKERS"])
    made = [Client(server.url) for _ in range(20)]
    yield made
    for client in made:
        client.close()


def ada(name):
    return json.dumps(ADA | {"email": f"ada-{name}@example.com"}).encode()


def the_only(users, body):
    """The user that `body` asks for, within 5 s. Raises: AssertionError, ValueError, unless one with one entry."""
    (user,) = eventually(lambda: list(users.find({"email": json.loads(body)["email"]})), seconds=5)
    (entry,) = users.database.audit.find({"target_id": str(user["_id"])})
    assert entry["action"] == "user.created"
    return user


def test_a_client_that_died_before_it_was_answered_is_told_of_its_one_user(server, clients, users):
    for number in range(10):
        key, body = str(uuid.uuid4()), ada(f"died-{number}")
        send_and_die(server.url, "/api/users", body, key)
        the_only(users, body)
        answers = [clients[0].insist("POST", "/api/users", body, key)[0] for _ in range(5)]
        first, location = answers[0], f"/api/users/{the_only(users, body)['_id']}"
        assert (first.status, first.headers["Location"], first.headers["ETag"]) == (201, location, '"1"')
        assert first.data == clients[0].insist("GET", location)[0].data
        for answer in answers:
            assert (answer.status, answer.is_replayed, answer.body) == (201, True, first.body)
            assert [answer.headers[name] for name in KEPT] == [first.headers[name] for name in KEPT]


def test_20_creates_at_once_with_one_key_make_one_user_and_another_body_makes_none(clients, users):
    for number in range(10):
        key, body = str(uuid.uuid4()), ada(f"twenty-{number}")
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda c, k=key, b=body: c.send("POST", "/api/users", b, k), clients))
        answered = [answer for answer in answers if not answer.says_in_flight]
        again, _ = clients[0].insist("POST", "/api/users", body, key)
        assert again.is_replayed
        assert {(answer.status, answer.body) for answer in [*answered, again]} == {(201, again.body)}
        assert [answer.is_replayed for answer in answered].count(False) == 1
        other = clients[0].send("POST", "/api/users", ada(f"other-{number}"), key)
        assert (other.status, json.loads(other.body)["error"]["code"]) == (422, "idempotency_key_reused")
        assert str(the_only(users, body)["_id"]) == again.data["id"]
    assert users.count_documents({"email": {"$regex": "^ada-other-"}}) == 0
