"""How fast reads stay beside a storm of sign-ins, and how many of those get through.

32 clients sign in as often as they are let, for 20 seconds, while one reads /api/users/me. Printed and judged: the p99
of the reads (at most 50 ms), that of the sign-ins that were put off (at most 250 ms), and sign-ins per second, against
cores divided by the time of one hash (at least 60 %).
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
from rollbook.kit.passwords import PasswordHasher
from tests.harness.serving import Serving, serving
from tests.serving.guarded import ADMIN, GUARDED, register

CLIENTS = int(os.environ.get("CLIENTS", "32"))
SECONDS = float(os.environ.get("SECONDS", "20"))
PATIENCE = float(os.environ.get("PATIENCE", "1"))
"""How much of Retry-After the clients wait: 1 is what HTTP asks for, 0 is a flood."""
ROUNDS = 12
BODY = {"email": ADMIN["ADMIN_EMAIL"], "password": ADMIN["ADMIN_PASSWORD"]}
PAUSE = 0.04
"""Between reads: the reader shall measure the load, not be it."""
WARM_UP = 2
"""Seconds that the clients need to be made, which costs a processor more than what they do."""
READ_P99, PUT_OFF_P99, SHARE = 0.050, 0.250, 0.60


def main() -> int:
    hash_seconds = time_of_a_hash()
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        serving(Path(name), MONGODB_URI=mongod.uri, BCRYPT_ROUNDS=ROUNDS, **GUARDED) as server,
    ):
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url, timeout=30) as http:
            reader = register(http, "reader").headers  # Of so many sign-ins by one user the oldest end.
        alone = storm(server, reader, clients=0, seconds=3)[0]
        reads, signed_in, put_off = storm(server, reader, clients=CLIENTS, seconds=SECONDS)
    cores = len(os.sched_getaffinity(0))
    per_second, most = len(signed_in) / (SECONDS + WARM_UP), cores / hash_seconds
    print(f"one hash of {ROUNDS} rounds: {hash_seconds * 1000:.0f} ms; {cores} cores: at most {most:.1f} sign-ins/s")
    print(f"GET /api/users/me alone: p50 {ms(alone, 50)}, p99 {ms(alone, 99)}, {len(alone)} reads")
    print(f"beside {CLIENTS} sign-in clients: p50 {ms(reads, 50)}, p99 {ms(reads, 99)}, {len(reads)} reads")
    print(
        f"sign-ins: {len(signed_in)}, {per_second:.1f}/s, {per_second / most:.0%} of the most; p99 {ms(signed_in, 99)}"
    )
    print(f"put off with 503: {len(put_off)}, p99 {ms(put_off, 99)}")
    fast = percentile(reads, 99) <= READ_P99 and percentile(put_off, 99) <= PUT_OFF_P99
    return 0 if fast and per_second >= SHARE * most else 1


def time_of_a_hash() -> float:
    with PasswordHasher(ROUNDS).turn() as turn:
        times = []
        for _ in range(5):
            started = time.perf_counter()
            turn.hash("a password")
            times.append(time.perf_counter() - started)
    return min(times)


def storm(server: Serving, reader: dict[str, str], *, clients: int, seconds: float) -> tuple[list[float], ...]:
    """Seconds that each read, each sign-in and each sign-in that was put off took.

    The clients are a process of their own, so that the reader does not wait for its own machine's threads.
    """
    reads: list[float] = []
    with multiprocessing.Pool(1) as pool, httpx.Client(base_url=server.url, timeout=30, headers=reader) as http:
        signing_in = pool.apply_async(keep_signing_in, (server.url, clients, seconds + WARM_UP))
        time.sleep(WARM_UP)
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            started = time.perf_counter()
            assert http.get("/api/users/me").status_code == 200
            reads.append(time.perf_counter() - started)
            time.sleep(PAUSE)
        by_status = signing_in.get(60)
    return reads, by_status[200], by_status[503]


def keep_signing_in(url: str, clients: int, seconds: float) -> dict[int, list[float]]:
    by_status: dict[int, list[float]] = {200: [], 503: []}
    https = [httpx.Client(base_url=url, timeout=30) for _ in range(clients)]
    until = time.perf_counter() + seconds

    def one(number: int) -> None:
        time.sleep(number / clients)  # They do not all come at one instant.
        while time.perf_counter() < until:
            started = time.perf_counter()
            answer = https[number].post("/api/auth/login", json=BODY)
            by_status[answer.status_code].append(time.perf_counter() - started)
            if answer.status_code == 503:
                time.sleep(float(answer.headers["Retry-After"]) * PATIENCE)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for http in https:
        http.close()
    return by_status


def percentile(times: list[float], share: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * share // 100)] if times else 0.0


def ms(times: list[float], share: int) -> str:
    return f"{percentile(times, share) * 1000:.1f} ms"


if __name__ == "__main__":
    raise SystemExit(main())
