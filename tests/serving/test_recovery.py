"""A MongoDB that is away, comes, goes, comes back empty, refuses, or is no replica set."""

import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pymongo import MongoClient

from rollbook.embedded import replica_set
from rollbook.embedded.binary import find_mongod
from tests.conftest import ADA
from tests.harness import lawful
from tests.harness.serving import eventually, free_port, serving


@pytest.fixture
def mongod_later(tmp_path):
    """A port, and a function that starts a mongod there."""
    port, started = free_port(), []

    def start(*options):
        folder = tmp_path / "db"
        folder.mkdir(exist_ok=True)
        command = [
            find_mongod(None),
            f"--dbpath={folder}",
            f"--port={port}",
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            *options,
        ]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return started[-1]

    yield port, start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def as_set(port):
    assert replica_set.await_primary(port, seconds=15, gone=lambda: False)


def test_without_mongodb_it_starts_answers_503_and_recovers_with_its_indexes(tmp_path, mongod_later):
    port, start = mongod_later
    with serving(tmp_path, MONGODB_URI=replica_set.uri(port), WORKERS=1) as server:
        assert server.await_status("/health", 200) < 3
        for path in ("/ready", "/api/users", "/api/users/ada@example.com"):
            began = time.monotonic()
            answer = httpx.get(server.url + path)
            assert time.monotonic() - began < 5
            assert answer.status_code == 503
            lawful.check(503, answer.headers, answer.content)
        assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 503
        assert httpx.get(f"{server.url}/health").status_code == 200

        mongod = start(f"--replSet={replica_set.NAME}")
        as_set(port)
        server.await_status("/ready", 200)
        assert [httpx.post(f"{server.url}/api/users", json=ADA).status_code for _ in range(2)] == [201, 409]

        mongod.kill()
        mongod.wait()
        server.await_status("/ready", 503, seconds=5)
        assert httpx.get(f"{server.url}/api/users").status_code == 503
        start(f"--replSet={replica_set.NAME}")
        server.await_status("/ready", 200)
        assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_a_mongodb_that_comes_back_empty_gets_its_indexes_again(tmp_path, mongod_later):
    """Emptied in its second term as a replica set, so that the new one counts its elections from before."""
    port, start = mongod_later
    first = start(f"--replSet={replica_set.NAME}")
    as_set(port)
    first.kill()
    first.wait()
    first = start(f"--replSet={replica_set.NAME}")
    as_set(port)
    with serving(tmp_path, MONGODB_URI=replica_set.uri(port), WORKERS=1) as server:
        server.await_status("/ready", 200)
        first.kill()
        first.wait()
        server.await_status("/ready", 503, seconds=5)
        (tmp_path / "db").rename(tmp_path / "lost")
        start(f"--replSet={replica_set.NAME}")
        as_set(port)
        server.await_status("/ready", 200)
        assert [httpx.post(f"{server.url}/api/users", json=ADA).status_code for _ in range(2)] == [201, 409]


def test_dropped_collections_are_noticed_under_a_running_api(tmp_path, mongod):
    with serving(tmp_path, MONGODB_URI=mongod.uri, MONGODB_DBNAME="dropped", WORKERS=1) as server:
        server.await_status("/ready", 200)
        with MongoClient(mongod.uri) as client:
            client.drop_database("dropped")
            eventually(lambda: client.dropped.users.index_information().get("one_email", {}).get("unique"))
        server.await_status("/ready", 200)


def test_wrong_credentials_are_told_as_such_and_not_repeated(tmp_path, mongod):
    uri = re.sub("//.*@", "//someone:hunter2@", mongod.uri)
    with serving(tmp_path, MONGODB_URI=uri, WORKERS=1) as server:
        server.await_status("/ready", 503)
        eventually(lambda: "refuses the credentials" in server.log.read_text())
        time.sleep(2)  # In which it would be repeated.
        codes = {httpx.get(f"{server.url}/ready").json()["error"]["details"][0]["code"] for _ in range(10)}
        assert codes == {"refused"}
        assert server.log.read_text().count("refuses the credentials") == 1
        assert "hunter2" not in server.log.read_text()


def test_a_standalone_server_is_refused_with_the_way_out(tmp_path, mongod_later):
    port, start = mongod_later
    start()
    with serving(tmp_path, MONGODB_URI=f"mongodb://127.0.0.1:{port}", WORKERS=1) as server:
        server.await_status("/health", 200)
        eventually(lambda: '"standalone"' in httpx.get(f"{server.url}/ready").text)
        detail = httpx.get(f"{server.url}/ready").json()["error"]["details"][0]
        for told in (detail["message"], server.log.read_text()):
            assert "mongod --replSet rs0" in told
            assert "rs.initiate()" in told
            assert "ALLOW_STANDALONE=true" in told
        assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 503


def test_a_standalone_server_serves_where_it_is_allowed_and_says_so_at_every_start(tmp_path, mongod_later):
    port, start = mongod_later
    start()
    settings = {"MONGODB_URI": f"mongodb://127.0.0.1:{port}", "ALLOW_STANDALONE": "true", "WORKERS": 1}
    for expected in (201, 409):
        with serving(tmp_path, **settings) as server:
            server.await_status("/ready", 200)
            assert "WITHOUT transactions" in server.log.read_text()
            assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == expected
            with ThreadPoolExecutor(8) as pool:
                path = f"{server.url}/api/users/ada@example.com"
                changed = list(
                    pool.map(lambda n, p=path: httpx.patch(p, json={"name": f"A{n}"}).status_code, range(16))
                )
            assert set(changed) == {200}, server.log.read_text()


@pytest.fixture
def paused(tmp_path, mongod_later):
    """Makes MongoDB stop and go on, as a machine does that swaps or a network that drops all."""
    port, start = mongod_later
    mongod = start(f"--replSet={replica_set.NAME}", "--setParameter=transactionLifetimeLimitSeconds=20")
    as_set(port)
    with serving(tmp_path, MONGODB_URI=replica_set.uri(port), WORKERS=1, THREADS=8) as server:
        server.await_status("/ready", 200)
        assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 201
        yield server, mongod, port
        mongod.send_signal(signal.SIGCONT)


REQUESTS = {
    "a read": ("GET", "/api/users/ada@example.com", {}),
    "a list": ("GET", "/api/users", {}),
    "a change": ("PATCH", "/api/users/ada@example.com", {"json": {"name": "Countess"}}),
    "a create that can be repeated": (
        "POST",
        "/api/users",
        {"json": ADA | {"email": "b@example.com"}, "headers": {"Idempotency-Key": "k"}},
    ),
    "a sign-in": ("POST", "/api/auth/login", {"json": {"email": ADA["email"], "password": ADA["password"]}}),
    "a refresh": ("POST", "/api/auth/refresh", {"json": {"refresh_token": "a.b"}}),
    "readiness": ("GET", "/ready", {}),
}


def test_while_mongodb_is_paused_every_answer_comes_within_five_seconds(paused):
    server, mongod, _ = paused

    def timed(request):
        method, path, sent = request
        began = time.monotonic()
        answer = httpx.request(method, server.url + path, timeout=30, **sent)
        return answer.status_code, time.monotonic() - began

    mongod.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        answered = dict(zip(REQUESTS, pool.map(timed, REQUESTS.values()), strict=True))
    assert {status for status, _ in answered.values()} == {503}
    assert max(took for _, took in answered.values()) < 5, answered
    mongod.send_signal(signal.SIGCONT)
    server.await_status("/ready", 200)
    assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_so_it_does_while_the_transaction_of_a_dead_process_holds_the_user(paused):
    server, _, port = paused
    with MongoClient(replica_set.uri(port)) as client, client.start_session() as dead, dead.start_transaction():
        client.rollbook.users.update_one({}, {"$set": {"name": "held"}}, session=dead)
        began = time.monotonic()
        sent = {"json": {"name": "Countess"}, "timeout": 30}
        assert httpx.patch(f"{server.url}/api/users/ada@example.com", **sent).status_code == 503
        assert time.monotonic() - began < 5
        dead.abort_transaction()
    assert httpx.patch(f"{server.url}/api/users/ada@example.com", **sent).status_code == 200
