"""Half an hour of all kinds of requests: nothing grows (`make soak`)."""

import os
import random  # noqa: TID251 - the mix is random
import threading
import time
from dataclasses import dataclass

import httpx
import pytest

from tests.conftest import PASSWORD
from tests.harness.serving import serving
from tests.serving.guarded import GUARDED, client, register, sign_in

MINUTES = float(os.environ.get("MINUTES", "30"))
WARM_UP_SHARE = 0.2
CLIENTS, USERS = 6, 40
PAUSE = 0.02
"""Seconds. The server is not busy all of the time, so that other work fits beside."""
MAX_GROWTH = 1.0
"""MB of memory for 10,000 requests."""
MAX_MORE_FILES = 4
pytestmark = [
    pytest.mark.skipif(not os.environ.get("SOAK"), reason="run make soak"),
    pytest.mark.timeout(MINUTES * 60 + 300),
]


@dataclass(frozen=True)
class Reading:
    """Of all workers, from /metrics, and `requests` that the clients have sent."""

    requests: int
    megabytes: float
    files: int
    connections: int


class Client(threading.Thread):
    """Sends requests of all kinds, some of them wrong."""

    def __init__(self, server, admin, users, number):
        super().__init__()
        self._server, self._admin, self._users = server, admin, users
        self._random = random.Random(number)
        self._number = number
        self.count = 0
        self.statuses = set()
        self.is_over = threading.Event()

    def run(self):
        kinds = (self._read, self._list, self._change, self._sign_in, self._live, self._mistake)
        with client(self._server) as http:
            while not self.is_over.is_set():
                self._random.choices(kinds, (50, 15, 20, 3, 2, 10))[0](http)
                time.sleep(PAUSE)

    def _send(self, http, method, path, **options):
        response = http.request(method, path, **options)
        self.count += 1
        self.statuses.add(response.status_code)
        return response

    def _read(self, http):
        self._send(http, "GET", "/api/users/me", headers=self._random.choice(self._users).headers)

    def _list(self, http):
        number = self._random.randrange(USERS)
        query = self._random.choice(["page_size=20", f"q=user{number}", "sort=-created_at"])
        self._send(http, "GET", f"/api/users?{query}", headers=self._admin.headers)

    def _change(self, http):
        user = self._random.choice(self._users)
        body = {"name": f"Ada {self._random.random()}"}
        self._send(http, "PATCH", "/api/users/me", headers=user.headers, json=body)

    def _sign_in(self, http):
        user = self._random.choice(self._users)
        body = {"email": user.email, "password": PASSWORD}
        signed_in = self._send(http, "POST", "/api/auth/login", json=body)
        if signed_in.status_code == 200:
            headers = {"Authorization": f"Bearer {signed_in.json()['data']['access_token']}"}
            self._send(http, "POST", "/api/auth/logout", headers=headers)

    def _live(self, http):
        """Create a user, delete it, and purge it."""
        email = f"s{self._number}-{self.count}@house.org"
        body = {"name": "Short", "email": email, "password": PASSWORD}
        headers = self._admin.headers
        if self._send(http, "POST", "/api/users", headers=headers, json=body).status_code == 201:
            self._send(http, "DELETE", f"/api/users/{email}?purge=true", headers=headers)

    def _mistake(self, http):
        path = self._random.choice(["/api/users/nobody", "/nowhere", "/api/users?page=x"])
        self._send(http, "GET", path, headers=self._admin.headers)


def read(server, clients):
    names = ("worker_resident_memory_bytes", "worker_open_fds", "mongodb_connections")
    values = {}
    for line in httpx.get(f"{server.url}/metrics", timeout=10).text.splitlines():
        name, _, value = line.rpartition(" ")
        values[name] = value
    memory, files, connections = (float(values[f"rollbook_{name}"]) for name in names)
    requests = sum(each.count for each in clients)
    return Reading(requests, memory / 1e6, int(files), int(connections))


def fit_growth(readings):
    """MB for 10,000 requests, by least squares."""
    xs = [each.requests / 10_000 for each in readings]
    ys = [each.megabytes for each in readings]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    over = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    return over / sum((x - mean_x) ** 2 for x in xs)


def test_nothing_grows(mongod, tmp_path, capsys):
    settings = GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "soak", "WORKERS": 2}
    settings |= {"ACCESS_TOKEN_EXPIRE_MINUTES": 120}
    with serving(tmp_path, LOG_LEVEL="WARNING", **settings) as server:
        server.await_status("/ready", 200)
        with client(server) as http:
            admin = sign_in(http)
            users = [register(http, f"user{number}") for number in range(USERS)]
        clients = [Client(server, admin, users, number) for number in range(CLIENTS)]
        began, readings = time.monotonic(), []
        for each in clients:
            each.start()
        while time.monotonic() < began + MINUTES * 60:
            time.sleep(MINUTES * 60 / 60)
            readings.append(read(server, clients))
        for each in clients:
            each.is_over.set()
            each.join()
        log = server.log.read_text()
    settled = readings[int(len(readings) * WARM_UP_SHARE) :]
    growth = fit_growth(settled)
    first, last = settled[0], settled[-1]
    statuses = set().union(*(each.statuses for each in clients))
    with capsys.disabled():
        print(f"\nsoak of {MINUTES:.0f} minutes: {last.requests:,} requests, statuses", end=" ")
        print(
            f"{sorted(statuses)}, memory {first.megabytes:.0f} to {last.megabytes:.0f} MB", end=""
        )
        print(
            f" ({growth:+.2f} MB for 10,000 requests), files {first.files} to {last.files}", end=""
        )
        print(f", connections to MongoDB {first.connections} to {last.connections}")
    assert statuses <= {200, 201, 204, 400, 404, 503}
    assert growth <= MAX_GROWTH
    assert last.files - first.files <= MAX_MORE_FILES
    assert last.connections - first.connections <= MAX_MORE_FILES
    assert "Traceback" not in log
