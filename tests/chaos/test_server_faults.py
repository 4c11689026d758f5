"""Servers that stop under load, and that start while MongoDB is away."""

import os
import subprocess
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
from pymongo import MongoClient

from rollbook.embedded import replica_set
from rollbook.embedded.binary import find_mongod
from tests.conftest import ADA
from tests.harness.serving import get_free_port, serving, wait_until

STOPS, STARTS = 10, 20
CLIENTS = 8
pytestmark = [
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="run make chaos"),
    pytest.mark.timeout(900),
]


class Client(threading.Thread):
    """Sends requests on a connection that it keeps, until it is refused.

    `failed` are requests that were sent on an open connection, and got no response. If it `yields`,
    it goes elsewhere once the server says that it closes the connection, like a balancer.
    """

    def __init__(self, url, *, yields):
        super().__init__()
        self.url, self.yields = url, yields
        self.done, self.failed, self.statuses = 0, [], set()

    def run(self):
        with httpx.Client(base_url=self.url, timeout=30) as http:
            while True:
                try:
                    response = http.get("/api/users")
                except httpx.ConnectError:
                    return
                except httpx.TransportError as error:
                    self.failed.append(repr(error))
                    return
                self.done += 1
                self.statuses.add(response.status_code)
                if self.yields and response.headers.get("Connection") == "close":
                    return


@pytest.fixture(scope="module")
def settings(mongod):
    return {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "stopped", "LOG_LEVEL": "WARNING"}


@pytest.mark.parametrize(("delay", "max_failed"), [(1, 0), (0, CLIENTS * STOPS // 10)])
def test_sigterm_fails_no_accepted_request(settings, tmp_path, capsys, delay, max_failed):
    """Without a delay, the kernel may reset what connects in the moment of the end."""
    done, failed = 0, []
    for _ in range(STOPS):
        options = settings | {"WORKERS": 2, "SHUTDOWN_DELAY_SECONDS": delay}
        with serving(tmp_path, **options) as server:
            server.await_status("/ready", 200)
            clients = [Client(server.url, yields=delay > 0) for _ in range(CLIENTS)]
            for client in clients:
                client.start()
            time.sleep(1)
            assert server.stop() == 0
            for client in clients:
                client.join()
                done, failed = done + client.done, failed + client.failed
                assert client.statuses == {200}
    with capsys.disabled():
        told = f"SIGTERM ×{STOPS} under load, SHUTDOWN_DELAY_SECONDS={delay}"
        print(f"\n{told}: {done:,} requests, {len(failed)} failed")
    assert len(failed) <= max_failed, failed


def test_server_starts_without_mongodb_and_recovers(tmp_path, capsys):
    """Unique indexes exist before the first write that is accepted."""
    alive, ready = [], []
    for number in range(STARTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        port = get_free_port()
        uri = replica_set.build_uri(port)
        with serving(folder, MONGODB_URI=uri, MONGODB_DBNAME="late", WORKERS=1) as server:
            alive.append(server.await_status("/health", 200))
            assert httpx.get(f"{server.url}/ready").status_code == 503
            assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 503
            with mongod_on(port, folder):
                began = time.monotonic()
                created = wait_until(lambda server=server: create(server), seconds=20)
                ready.append(time.monotonic() - began)
                assert created == 201
                with MongoClient(uri) as client:
                    indexes = client["late"].users.list_indexes()
                    assert any(index.get("unique") for index in indexes)
                assert httpx.post(f"{server.url}/api/users", json=ADA).status_code == 409
    with capsys.disabled():
        print(f"starts without MongoDB ×{STARTS}: alive within {max(alive):.1f} s, ", end="")
        print(f"first write within {max(ready):.1f} s of MongoDB")
    assert max(alive) < 3
    assert max(ready) < 5


@contextmanager
def mongod_on(port, folder):
    """A mongod that accepts writes on `port`."""
    (folder / "db").mkdir()
    command = [find_mongod(None), f"--dbpath={folder / 'db'}", f"--port={port}"]
    options = [f"--replSet={replica_set.NAME}", "--bind_ip=127.0.0.1", "--nounixsocket"]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as process:
        try:
            assert replica_set.await_primary(port, seconds=20, has_ended=lambda: False)
            yield
        finally:
            process.kill()


def create(server):
    status = httpx.post(f"{server.url}/api/users", json=ADA).status_code
    return status if status != 503 else None
