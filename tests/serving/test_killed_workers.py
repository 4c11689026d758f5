"""Killed workers and clients lose no change, and the audit log has an entry for each change."""

import json
import os
import random  # noqa: TID251 - chooses the worker to kill
import signal
import time
import uuid
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.conftest import ADA
from tests.harness.serving import serving, wait_until
from tests.harness.writers import Client, Writer, count_differences, send_and_disconnect

KILLS = int(os.environ.get("KILLS", "3"))
WRITES = int(os.environ.get("WRITES", "500"))
WRITERS = 16
"""Twice as many as the server has threads, so that a killed worker has open requests."""
SECONDS = 60 + 10 * KILLS + WRITES / 25
"""Enough for a slow machine. A killed worker has to be replaced, and holds its keys for 10 s."""
DATABASE = "killed_workers"
KEPT = ("Content-Type", "ETag", "Location")

pytestmark = pytest.mark.timeout(2 * SECONDS)


@pytest.fixture(scope="module")
def quick_to_abort(mongod):
    """Let MongoDB abort the transactions of a killed worker after 5 s instead of 20 s.

    Until then, they lock what they wrote.
    """
    name = "transactionLifetimeLimitSeconds"
    with MongoClient(mongod.uri) as client:
        default = client.admin.command("getParameter", 1, **{name: 1})[name]
        client.admin.command("setParameter", 1, **{name: 5})
        yield
        client.admin.command("setParameter", 1, **{name: default})


@pytest.fixture(scope="module")
def killed(mongod, tmp_path_factory, quick_to_abort):
    """A separate server whose workers the tests kill."""
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": DATABASE, "WORKERS": 2, "THREADS": 4}
    with serving(tmp_path_factory.mktemp("killed"), LOG_LEVEL="WARNING", **settings) as running:
        running.await_status("/ready", 200)
        yield running


@pytest.fixture(scope="module")
def writers(killed):
    """The writers after WRITES writes, among which KILLS kills were spread."""
    created = [Writer(killed.url, number) for number in range(WRITERS)]
    try:
        write_while_killing(killed, created)
        yield created
    finally:
        for writer in created:
            writer.close()


@pytest.fixture(scope="module")
def tracked(writers):
    """The users by id, as the writers expect them."""
    tracked = {user.id: user for writer in writers for user in writer.users}
    assert len(tracked) == sum(len(writer.users) for writer in writers), "two keys made one user"
    return tracked


@pytest.fixture
def database(writers, mongod):
    with MongoClient(mongod.uri) as client:
        yield client[DATABASE]


@pytest.fixture
def stored(database):
    """The users by id, as MongoDB stores them."""
    return {str(user["_id"]): user for user in database.users.find()}


@pytest.fixture
def histories(database):
    """The audit entries by user id, in the order of their versions."""
    histories = defaultdict(list)
    query = {"target_type": "user", "version": {"$gt": 0}}
    for entry in database.audit.find(query).sort("version", 1):
        histories[entry["target_id"]].append(entry)
    return histories


def list_workers(server):
    parent = server.process.pid
    return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()


def kill_a_worker(server):
    victim = random.choice(list_workers(server))
    os.kill(int(victim), signal.SIGKILL)
    while victim in list_workers(server):  # Do not choose a dead worker next time.
        time.sleep(0.01)


def count_acknowledged(writers):
    return sum(writer.acknowledged for writer in writers)


def write_while_killing(server, writers):
    deadline, kills = time.monotonic() + SECONDS, 0

    def is_enough():
        return count_acknowledged(writers) >= WRITES or time.monotonic() > deadline

    with ThreadPoolExecutor(len(writers)) as pool:
        running = [pool.submit(writer.write_until, is_enough) for writer in writers]
        while not all(each.done() for each in running):
            next_kill = WRITES * (kills + 1) / (KILLS + 1)
            if kills < KILLS and count_acknowledged(writers) >= next_kill:
                kill_a_worker(server)
                kills += 1
            time.sleep(0.01)
    for each in running:
        each.result()


@pytest.mark.long
def test_no_acknowledged_change_or_audit_entry_is_lost(killed, writers, tracked, stored, histories):
    lost, without_entry, without_change = count_differences(tracked, stored, histories)
    print(
        f"\n{count_acknowledged(writers):,} acknowledged writes,"
        f" {killed.log.read_text().count('was sent SIGKILL')} kills,"
        f" {sum(writer.lost_responses for writer in writers):,} lost responses,"
        f" maximum wait {max(writer.longest for writer in writers):.0f} s: {lost} lost changes,"
        f" {without_entry} changes without audit entry,"
        f" {without_change} audit entries without change"
    )
    assert (lost, without_entry, without_change) == (0, 0, 0)
    assert count_acknowledged(writers) >= WRITES


@pytest.mark.long
def test_stored_users_match_responses(tracked, stored, histories):
    assert stored.keys() == tracked.keys()
    wrong = [k for k, user in tracked.items() if not user.matches(stored[k], histories[k])]
    assert wrong == []


@pytest.mark.long
def test_repeated_create_replays_first_response(writers, tracked, database):
    with ThreadPoolExecutor(len(writers)) as pool:
        repeats = [pair for pairs in pool.map(Writer.repeat_creates, writers) for pair in pairs]
    for user, response in repeats:
        first = user.created
        assert (response.status, response.is_replayed, response.body) == (201, True, first.body)
        assert [response.headers[name] for name in KEPT] == [first.headers[name] for name in KEPT]
    assert database.users.count_documents({}) == len(tracked)
    assert database.audit.count_documents({"action": "user.created"}) == len(tracked)


@pytest.mark.long
def test_tallies_equal_numbers_of_users(database, stored):
    tallies = Counter()
    for shard in database.user_tallies.find():
        tallies.update(shard["counts"])
    assert tallies == Counter(
        f"{u['role']}:{u['is_active']:d}{u['is_deleted']:d}" for u in stored.values()
    )


@pytest.mark.long
def test_log_reports_killed_workers_and_no_other_error(killed, writers):
    log = killed.log.read_text()
    errors = [line for line in log.splitlines() if " ERROR " in line]
    assert ["was sent SIGKILL" in line for line in errors] == [True] * KILLS, log
    assert "Traceback" not in log


@pytest.fixture
def clients(server, environment):
    """Clients of a server all of whose workers are ready, so that none returns 503."""
    wait_until(lambda: server.log.read_text().count("database ready") >= environment["WORKERS"])
    created = [Client(server.url) for _ in range(20)]
    yield created
    for client in created:
        client.close()


def encode_user(name):
    return json.dumps(ADA | {"email": f"ada-{name}@example.com"}).encode()


def get_only_user(users, body):
    """Wait up to 5 s for the user whom `body` creates.

    Raises: AssertionError or ValueError, unless there are one user and one entry of the creation.
    """
    (user,) = wait_until(lambda: list(users.find({"email": json.loads(body)["email"]})), seconds=5)
    created = {"target_id": str(user["_id"]), "action": "user.created"}
    assert users.database.audit.count_documents(created) == 1
    return user


def test_retry_after_disconnect_gets_created_user(server, clients, users):
    for number in range(10):
        key, body = str(uuid.uuid4()), encode_user(f"died-{number}")
        send_and_disconnect(server.url, "/api/users", body, key)
        get_only_user(users, body)
        responses = [
            clients[0].send_with_retries("POST", "/api/users", body, key)[0] for _ in range(5)
        ]
        first, location = responses[0], f"/api/users/{get_only_user(users, body)['_id']}"
        assert first.status == 201
        assert (first.headers["Location"], first.headers["ETag"]) == (location, '"1"')
        assert first.data == clients[0].send_with_retries("GET", location)[0].data
        for response in responses:
            assert (response.status, response.is_replayed, response.body) == (201, True, first.body)
            kept = [response.headers[name] for name in KEPT]
            assert kept == [first.headers[name] for name in KEPT]


def test_20_creates_with_one_key_make_one_user(clients, users):
    """Another body with the same key makes no user."""
    for number in range(10):
        key, body = str(uuid.uuid4()), encode_user(f"twenty-{number}")
        with ThreadPoolExecutor(20) as pool:
            responses = list(
                pool.map(lambda c, k=key, b=body: c.send("POST", "/api/users", b, k), clients)
            )
        final = [response for response in responses if not response.is_in_flight]
        again, _ = clients[0].send_with_retries("POST", "/api/users", body, key)
        assert again.is_replayed
        contents = {(response.status, response.body) for response in [*final, again]}
        assert contents == {(201, again.body)}
        assert [response.is_replayed for response in final].count(False) == 1
        other = clients[0].send("POST", "/api/users", encode_user(f"other-{number}"), key)
        assert other.status == 422
        assert json.loads(other.body)["error"]["code"] == "idempotency_key_reused"
        assert str(get_only_user(users, body)["_id"]) == again.data["id"]
    assert users.count_documents({"email": {"$regex": "^ada-other-"}}) == 0
