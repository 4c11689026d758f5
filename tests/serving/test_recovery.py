"""A MongoDB that is unreachable, loses its data, refuses the credentials, or is standalone."""

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
from tests.harness import contract
from tests.harness.serving import get_free_port, serving, wait_until

pytestmark = pytest.mark.long


@pytest.fixture
def mongod_later(tmp_path):
    """A port, and a function that starts a mongod on it."""
    port, started = get_free_port(), []

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
        started.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        return started[-1]

    yield port, start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def await_replica_set(port):
    assert replica_set.await_primary(port, seconds=15, has_ended=lambda: False)


def create_user(server):
    return httpx.post(f"{server.url}/api/users", json=ADA).status_code


def test_server_returns_503_until_mongodb_is_reachable(tmp_path, mongod_later):
    port, start = mongod_later
    with serving(tmp_path, MONGODB_URI=replica_set.build_uri(port), WORKERS=1) as server:
        assert server.await_status("/health", 200) < 10
        for path in ("/ready", "/api/users", "/api/users/ada@example.com"):
            started = time.monotonic()
            response = httpx.get(server.url + path)
            assert time.monotonic() - started < 5
            assert response.status_code == 503
            contract.check(503, response.headers, response.content)
        assert create_user(server) == 503
        assert httpx.get(f"{server.url}/health").status_code == 200

        mongod = start(f"--replSet={replica_set.NAME}")
        await_replica_set(port)
        server.await_status("/ready", 200)
        assert [create_user(server) for _ in range(2)] == [201, 409]

        mongod.kill()
        mongod.wait()
        server.await_status("/ready", 503, seconds=5)
        assert httpx.get(f"{server.url}/api/users").status_code == 503
        start(f"--replSet={replica_set.NAME}")
        server.await_status("/ready", 200)
        assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_emptied_mongodb_gets_indexes_again(tmp_path, mongod_later):
    """The first replica set loses its data in its second term.

    The new one counts its terms from the start, so its first term is lower than the last one.
    """
    port, start = mongod_later
    first = start(f"--replSet={replica_set.NAME}")
    await_replica_set(port)
    first.kill()
    first.wait()
    first = start(f"--replSet={replica_set.NAME}")
    await_replica_set(port)
    with serving(tmp_path, MONGODB_URI=replica_set.build_uri(port), WORKERS=1) as server:
        server.await_status("/ready", 200)
        first.kill()
        first.wait()
        server.await_status("/ready", 503, seconds=5)
        (tmp_path / "db").rename(tmp_path / "lost")
        start(f"--replSet={replica_set.NAME}")
        await_replica_set(port)
        server.await_status("/ready", 200)
        assert [create_user(server) for _ in range(2)] == [201, 409]


def test_running_server_rebuilds_dropped_indexes(tmp_path, mongod):
    with serving(tmp_path, MONGODB_URI=mongod.uri, MONGODB_DBNAME="dropped", WORKERS=1) as server:
        server.await_status("/ready", 200)
        with MongoClient(mongod.uri) as client:
            client.drop_database("dropped")
            wait_until(
                lambda: client.dropped.users.index_information().get("one_email", {}).get("unique")
            )
        server.await_status("/ready", 200)


def test_wrong_credentials_are_reported_and_logged_once(tmp_path, mongod):
    uri = re.sub("//.*@", "//someone:hunter2@", mongod.uri)
    with serving(tmp_path, MONGODB_URI=uri, WORKERS=1) as server:
        server.await_status("/ready", 503)
        wait_until(lambda: "refuses the credentials" in server.log.read_text())
        time.sleep(2)  # Long enough for a second message.
        codes = {
            httpx.get(f"{server.url}/ready").json()["error"]["details"][0]["code"]
            for _ in range(10)
        }
        assert codes == {"refused"}
        assert server.log.read_text().count("refuses the credentials") == 1
        assert "hunter2" not in server.log.read_text()


def test_standalone_mongodb_is_refused_with_instructions(tmp_path, mongod_later):
    port, start = mongod_later
    start()
    with serving(tmp_path, MONGODB_URI=f"mongodb://127.0.0.1:{port}", WORKERS=1) as server:
        server.await_status("/health", 200)
        wait_until(lambda: '"standalone"' in httpx.get(f"{server.url}/ready").text)
        detail = httpx.get(f"{server.url}/ready").json()["error"]["details"][0]
        for text in (detail["message"], server.log.read_text()):
            assert "mongod --replSet rs0" in text
            assert "rs.initiate()" in text
            assert "ALLOW_STANDALONE=true" in text
        assert create_user(server) == 503


def test_allowed_standalone_mongodb_serves_with_warning(tmp_path, mongod_later):
    port, start = mongod_later
    start()
    settings = {
        "MONGODB_URI": f"mongodb://127.0.0.1:{port}",
        "ALLOW_STANDALONE": "true",
        "WORKERS": 1,
    }
    for expected in (201, 409):
        with serving(tmp_path, **settings) as server:
            server.await_status("/ready", 200)
            assert "WITHOUT transactions" in server.log.read_text()
            assert create_user(server) == expected
            url = f"{server.url}/api/users/ada@example.com"

            def rename(number, url=url):
                return httpx.patch(url, json={"name": f"A{number}"}).status_code

            with ThreadPoolExecutor(8) as pool:
                statuses = set(pool.map(rename, range(16)))
            assert statuses == {200}, server.log.read_text()


@pytest.fixture
def pausable(tmp_path, mongod_later):
    """A server with one user, its mongod, and the port.

    SIGSTOP pauses mongod, as if its machine swapped or the network dropped all packets.
    """
    port, start = mongod_later
    mongod = start(
        f"--replSet={replica_set.NAME}", "--setParameter=transactionLifetimeLimitSeconds=20"
    )
    await_replica_set(port)
    with serving(tmp_path, MONGODB_URI=replica_set.build_uri(port), WORKERS=1, THREADS=8) as server:
        server.await_status("/ready", 200)
        assert create_user(server) == 201
        yield server, mongod, port
        mongod.send_signal(signal.SIGCONT)


REQUESTS = {
    "a read": ("GET", "/api/users/ada@example.com", {}),
    "a list": ("GET", "/api/users", {}),
    "a change": ("PATCH", "/api/users/ada@example.com", {"json": {"name": "Countess"}}),
    "a create with an idempotency key": (
        "POST",
        "/api/users",
        {"json": ADA | {"email": "b@example.com"}, "headers": {"Idempotency-Key": "k"}},
    ),
    "a sign-in": (
        "POST",
        "/api/auth/login",
        {"json": {"email": ADA["email"], "password": ADA["password"]}},
    ),
    "a refresh": ("POST", "/api/auth/refresh", {"json": {"refresh_token": "a.b"}}),
    "readiness": ("GET", "/ready", {}),
}


def test_requests_fail_in_5_seconds_while_mongodb_is_paused(pausable):
    server, mongod, _ = pausable

    def send(request):
        method, path, options = request
        started = time.monotonic()
        response = httpx.request(method, server.url + path, timeout=30, **options)
        return response.status_code, time.monotonic() - started

    mongod.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(len(REQUESTS)) as pool:
        results = dict(zip(REQUESTS, pool.map(send, REQUESTS.values()), strict=True))
    assert {status for status, _ in results.values()} == {503}
    assert max(seconds for _, seconds in results.values()) < 5, results
    mongod.send_signal(signal.SIGCONT)
    server.await_status("/ready", 200)
    assert httpx.get(f"{server.url}/api/users/ada@example.com").status_code == 200


def test_change_fails_in_5_seconds_while_user_is_locked(pausable):
    """An abandoned transaction of another process holds the user."""
    server, _, port = pausable
    with (
        MongoClient(replica_set.build_uri(port)) as client,
        client.start_session() as abandoned,
        abandoned.start_transaction(),
    ):
        client.rollbook.users.update_one({}, {"$set": {"name": "held"}}, session=abandoned)
        started = time.monotonic()
        options = {"json": {"name": "Countess"}, "timeout": 30}
        assert httpx.patch(f"{server.url}/api/users/ada@example.com", **options).status_code == 503
        assert time.monotonic() - started < 5
        abandoned.abort_transaction()
    assert httpx.patch(f"{server.url}/api/users/ada@example.com", **options).status_code == 200
