"""Measures reads and sign-ins while 32 clients sign in as often as the server allows.

For 20 seconds, another client reads /api/users/me. The exit code is 1 unless
- the p99 of the reads is at most 50 ms,
- the p99 of the sign-ins that get 503 is at most 250 ms, and
- the sign-ins per second are at least 60 % of the maximum, which is the number of cores divided by
  the time of one hash.
"""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.passwords.hash_gate import HashGate
from tests.harness.serving import Server, serving
from tests.serving.guarded import ADMIN, GUARDED, register

CLIENTS = int(os.environ.get("CLIENTS", "32"))
SECONDS = float(os.environ.get("SECONDS", "20"))
PATIENCE = float(os.environ.get("PATIENCE", "1"))
"""The share of Retry-After that clients wait: 1 is what HTTP asks for, 0 is a flood."""
ROUNDS = 12
BODY = {"email": ADMIN["ADMIN_EMAIL"], "password": ADMIN["ADMIN_PASSWORD"]}
PAUSE = 0.04
"""Seconds between two reads, so that the reads add little load."""
WARM_UP = 2
"""Seconds that the clients need to start, which uses more CPU than their requests."""
MAX_READ_P99, MAX_REFUSAL_P99, MIN_SHARE = 0.050, 0.250, 0.60


def main() -> int:
    hash_seconds = measure_hash()
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        serving(Path(name), MONGODB_URI=mongod.uri, BCRYPT_ROUNDS=ROUNDS, **GUARDED) as server,
    ):
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url, timeout=30) as http:
            # A separate user: the many sign-ins of the admin end the admin's oldest sessions.
            reader = register(http, "reader").headers
        alone = run_storm(server, reader, clients=0, seconds=3)[0]
        reads, signed_in, refused = run_storm(server, reader, clients=CLIENTS, seconds=SECONDS)
    cores = len(os.sched_getaffinity(0))
    per_second, maximum = len(signed_in) / (SECONDS + WARM_UP), cores / hash_seconds
    print(
        f"one hash of {ROUNDS} rounds: {hash_seconds * 1000:.0f} ms;"
        f" {cores} cores: maximum {maximum:.1f} sign-ins/s"
    )
    print(f"GET /api/users/me alone: {describe(alone)}, {len(alone)} reads")
    print(f"next to {CLIENTS} sign-in clients: {describe(reads)}, {len(reads)} reads")
    print(
        f"sign-ins: {len(signed_in)}, {per_second:.1f}/s,"
        f" {per_second / maximum:.0%} of the maximum; {describe(signed_in)}"
    )
    print(f"refused with 503: {len(refused)}, {describe(refused)}")
    are_fast = (
        get_percentile(reads, 99) <= MAX_READ_P99 and get_percentile(refused, 99) <= MAX_REFUSAL_P99
    )
    return 0 if are_fast and per_second >= MIN_SHARE * maximum else 1


def measure_hash() -> float:
    """Return the minimum of five times, in seconds."""
    with HashGate(ROUNDS).enter() as hasher:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            hasher.hash("a password")
            times.append(time.perf_counter() - started)
    return min(times)


def run_storm(
    server: Server, reader: dict[str, str], *, clients: int, seconds: float
) -> tuple[list[float], ...]:
    """Return the seconds of each read, of each sign-in, and of each sign-in that got 503.

    The clients run in another process, so that the reader does not wait for their threads.
    """
    reads: list[float] = []
    with (
        multiprocessing.Pool(1) as pool,
        httpx.Client(base_url=server.url, timeout=30, headers=reader) as http,
    ):
        signing_in = pool.apply_async(keep_signing_in, (server.url, clients, seconds + WARM_UP))
        time.sleep(WARM_UP)
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            started = time.perf_counter()
            assert http.get("/api/users/me").status_code == 200
            reads.append(time.perf_counter() - started)
            time.sleep(PAUSE)
        by_status = signing_in.get(60)
    return reads, by_status[200], by_status[503]


def keep_signing_in(url: str, clients: int, seconds: float) -> dict[int, list[float]]:
    """Return the seconds of each request, by status."""
    by_status: dict[int, list[float]] = {200: [], 503: []}
    https = [httpx.Client(base_url=url, timeout=30) for _ in range(clients)]
    deadline = time.perf_counter() + seconds

    def run_client(number: int) -> None:
        time.sleep(number / clients)  # Do not start all clients at the same time.
        while time.perf_counter() < deadline:
            started = time.perf_counter()
            response = https[number].post("/api/auth/login", json=BODY)
            by_status[response.status_code].append(time.perf_counter() - started)
            if response.status_code == 503:
                time.sleep(float(response.headers["Retry-After"]) * PATIENCE)

    threads = [threading.Thread(target=run_client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for http in https:
        http.close()
    return by_status


def get_percentile(times: list[float], share: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * share // 100)] if times else 0.0


def describe(times: list[float]) -> str:
    return ", ".join(f"p{share} {get_percentile(times, share) * 1000:.1f} ms" for share in (50, 99))


if __name__ == "__main__":
    raise SystemExit(main())
