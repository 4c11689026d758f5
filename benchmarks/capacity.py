"""Compares the capacity model of docs/operations.md with a measured mix, at three sizes.

The model: the CPU that rollbook needs is the sum of the costs of its requests. The costs of the
kinds are measured one after the other; then a mix of all kinds arrives at three rates, and the CPU
time of the workers is compared with the sum. The same for MongoDB. The exit status is 1 if a
prediction is off by more than MAX_ERROR.
"""

import json
import os
import random  # noqa: TID251 - the mix is random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from pymongo import MongoClient

from benchmarks.comparison.processes import list_tree, read_cpu_seconds
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from tests.conftest import PASSWORD
from tests.harness.serving import Server, serving
from tests.serving.guarded import GUARDED, SignedIn, client, register, sign_in

SHARES = {"read": 0.70, "list of 20": 0.15, "change": 0.12, "refresh": 0.02, "sign-in": 0.01}
"""The mix: so many of all requests."""
RATES = (50, 100, 200)
"""The three sizes: requests a second."""
SECONDS = float(os.environ.get("SECONDS", "20"))
ALONE_SECONDS = SECONDS / 2
ALONE_RATES = {"read": 200, "list of 20": 100, "change": 60, "refresh": 60, "sign-in": 2}
CLIENTS, USERS = 4, 50
MAX_ERROR = 0.25


@dataclass(frozen=True)
class Costs:
    """Seconds of CPU of rollbook and MongoDB."""

    rollbook: float
    mongodb: float

    def __add__(self, other: "Costs") -> "Costs":
        return Costs(self.rollbook + other.rollbook, self.mongodb + other.mongodb)

    def __sub__(self, other: "Costs") -> "Costs":
        return self + other * -1

    def __mul__(self, factor: float) -> "Costs":
        return Costs(self.rollbook * factor, self.mongodb * factor)


class Client:
    """Sends its part of the requests at even intervals, on one connection."""

    def __init__(self, server: Server, admin: SignedIn, users: list[SignedIn], number: int) -> None:
        self._connection = HTTPConnection(server.url.removeprefix("http://"))
        self._admin, self._users = admin, users[number::CLIENTS]
        self._refresh_tokens = {user.id: user.refresh_token for user in self._users}
        self._random = random.Random(number)
        self.shares: Mapping[str, float] = {}
        self.rate = self.until = 0.0
        self.sent: Counter[str] = Counter()

    def run(self) -> None:
        due = time.monotonic()
        while due < self.until:
            time.sleep(max(0.0, due - time.monotonic()))
            (kind,) = self._random.choices(list(self.shares), list(self.shares.values()))
            self._send(kind)
            self.sent[kind] += 1
            due += 1 / self.rate

    def _send(self, kind: str) -> None:
        user = self._random.choice(self._users)
        if kind == "read":
            self._request("GET", "/api/users/me", user)
        elif kind == "list of 20":
            self._request("GET", "/api/users?page_size=20", self._admin)
        elif kind == "change":
            name = f"Ada {self._random.random()}"
            self._request("PATCH", "/api/users/me", user, {"name": name})
        elif kind == "refresh":
            body = {"refresh_token": self._refresh_tokens[user.id]}
            tokens = self._request("POST", "/api/auth/refresh", None, body)
            self._refresh_tokens[user.id] = tokens["refresh_token"]
        else:
            body = {"email": user.email, "password": PASSWORD}
            self._request("POST", "/api/auth/login", None, body)

    def _request(self, method: str, path: str, user: SignedIn | None, body: object = None) -> dict:
        headers = {"Content-Type": "application/json", **(user.headers if user else {})}
        self._connection.request(method, path, body and json.dumps(body), headers)
        response = self._connection.getresponse()
        content = response.read()
        assert response.status == 200, (path, response.status, content)
        return json.loads(content)["data"]


class Bench:
    """A server, its MongoDB and the clients of both."""

    def __init__(self, server: Server, mongod_pid: int) -> None:
        self._server, self._mongod_pid = server, mongod_pid
        with client(server) as http:
            admin = sign_in(http)
            users = [register(http, f"user{number}") for number in range(USERS)]
        self._clients = [Client(server, admin, users, number) for number in range(CLIENTS)]

    def measure(
        self, shares: Mapping[str, float], rate: float, seconds: float
    ) -> tuple[Costs, Counter[str]]:
        """Send a mix at a rate. Return the CPU used, and how many requests of each kind."""
        before, threads = self._read_cpu(), []
        for each in self._clients:
            each.shares, each.rate, each.sent = shares, rate / CLIENTS, Counter()
            each.until = time.monotonic() + seconds
            threads.append(threading.Thread(target=each.run))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._read_cpu() - before, sum((each.sent for each in self._clients), Counter())

    def measure_idle(self, seconds: float) -> Costs:
        """Return the CPU that is used each second without a request."""
        before = self._read_cpu()
        time.sleep(seconds)
        return (self._read_cpu() - before) * (1 / seconds)

    def _read_cpu(self) -> Costs:
        workers = sum(map(read_cpu_seconds, list_tree(self._server.process.pid)))
        return Costs(workers, read_cpu_seconds(self._mongod_pid))


def measure_costs(bench: Bench, idle: Costs) -> dict[str, Costs]:
    """Return the CPU of a request of each kind."""
    costs = {}
    for kind, rate in ALONE_RATES.items():
        used, sent = bench.measure({kind: 1.0}, rate, ALONE_SECONDS)
        costs[kind] = cost = (used - idle * ALONE_SECONDS) * (1 / sent.total())
        print(f"{kind:<12} {cost.rollbook * 1e3:7.2f} ms {cost.mongodb * 1e3:7.2f} ms of MongoDB")
    return costs


def predict(costs: Mapping[str, Costs], idle: Costs, sent: Counter[str]) -> Costs:
    total = idle * SECONDS
    for kind, count in sent.items():
        total += costs[kind] * count
    return total


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        serving(Path(name), MONGODB_URI=mongod.uri, BCRYPT_ROUNDS=12, **GUARDED) as server,
    ):
        server.await_status("/ready", 200)
        with MongoClient(mongod.uri) as mongo:
            bench = Bench(server, int(mongo.admin.command("serverStatus")["pid"]))
        idle = bench.measure_idle(ALONE_SECONDS)
        costs = measure_costs(bench, idle)
        errors = []
        for rate in RATES:
            used, sent = bench.measure(SHARES, rate, SECONDS)
            predicted = predict(costs, idle, sent)
            for part in ("rollbook", "mongodb"):
                expected, seen = (getattr(each, part) / SECONDS for each in (predicted, used))
                errors.append(expected / seen - 1)
                told = f"{rate:>3} requests/s, {part}: predicted {expected:.2f} cores"
                print(f"{told}, measured {seen:.2f}, {errors[-1]:+.0%}")
    return int(max(map(abs, errors)) > MAX_ERROR)


if __name__ == "__main__":
    sys.exit(main())
