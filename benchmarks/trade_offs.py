"""Measures what gets worse without the parts that cost more to read than most.

Each part is compared to itself without it, in one run:
- reading a page of the second half of a list from the end (`storage/paging.py`),
- the low priority of threads that hash passwords (`passwords/hash_gate.py`),
- the place in the hash gate that registrations leave free for sign-ins (the same file).
docs/decisions/015-what-earns-its-lines.md has the figures.
"""

import os
import statistics
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.login_storm import get_percentile, run_storm
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.kit.listing import PageRequest
from rollbook.storage.paging import Pager
from tests.harness.serving import Server, serving
from tests.serving.guarded import ADMIN, GUARDED, register

USERS = int(os.environ.get("USERS", "300000"))
SECONDS = float(os.environ.get("SECONDS", "10"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PASSWORD = "plenty of long words"
SERVE = "import sys\nfrom rollbook.cli import main\nsys.argv = ['rollbook', 'serve']\n{}\nmain()"
WITHOUT_PRIORITY = "from rollbook.passwords import hash_gate\nhash_gate.NICE = 0"
WITHOUT_FREE_PLACE = (
    "from rollbook.passwords.hash_gate import HashGate as G\nenter = G.enter\n"
    "G.enter = lambda gate, **_: enter(gate)"
)


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
    ):
        measure_paging(mongod.uri)
        folder = Path(name)
        compare_priorities(folder, mongod.uri)
        for label, patch in {"with": "", "without": WITHOUT_FREE_PLACE}.items():
            measure_free_place(folder, mongod.uri, label, patch)


class ForwardPager(Pager):
    def _fetch_numbered(self, query: Any, request: PageRequest, _: int | None) -> list[Any]:
        return self._fetch_sorted(query, request.order, request.offset, request.size + 1)


def measure_paging(uri: str) -> None:
    with MongoClient(uri, tz_aware=True) as client:
        rows = client.trade_offs.rows
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for first in range(0, USERS, 10_000):
            numbers = range(first, min(first + 10_000, USERS))
            rows.insert_many(
                [{"at": start + timedelta(seconds=n), "x": "x" * 200} for n in numbers]
            )
        rows.create_index([("at", -1), ("_id", -1)])
        last = PageRequest(USERS // 20, 20, [("at", -1), ("_id", -1)])
        for label, kind in {"with": Pager, "without": ForwardPager}.items():
            seconds = [time_page(kind(rows), last) for _ in range(7)]
            median = statistics.median(seconds) * 1000
            print(f"last page of {USERS} {label} reading from the end: {median:.1f} ms", flush=True)
        client.drop_database("trade_offs")


def time_page(pager: Pager, request: PageRequest) -> float:
    started = time.perf_counter()
    page = pager.list_page(request, {}, lambda: USERS)
    assert len(page.items) == 20
    return time.perf_counter() - started


@contextmanager
def patched_server(folder: Path, uri: str, patch: str, **settings: object) -> Any:
    environment = {"MONGODB_URI": uri, "BCRYPT_ROUNDS": 12} | GUARDED | settings
    with serving(folder, "-c", SERVE.format(patch), **environment) as server:
        server.await_status("/ready", 200)
        yield server


def compare_priorities(folder: Path, uri: str) -> None:
    """Measure with and without in turns, since other load on the machine affects the p99."""
    patches = {"with": "", "without": WITHOUT_PRIORITY}
    reads: dict[str, list[list[float]]] = {label: [] for label in patches}
    for number in range(ROUNDS):
        for label, patch in patches.items():
            reads[label].append(measure_reads(folder, uri, f"{label}-{number}", patch))
    for label, rounds in reads.items():
        p50, p99 = (
            statistics.median(get_percentile(times, share) for times in rounds) * 1000
            for share in (50, 99)
        )
        print(
            f"reads during a storm of sign-ins, {label} low priority:"
            f" p50 {p50:.1f} ms, p99 {p99:.1f} ms, medians of {ROUNDS} rounds",
            flush=True,
        )


def measure_reads(folder: Path, uri: str, name: str, patch: str) -> list[float]:
    """Return the seconds of each read while 32 clients sign in."""
    with patched_server(folder, uri, patch) as server:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            reader = register(http, f"reader-{name}").headers
        return run_storm(server, reader, clients=32, seconds=SECONDS)[0]


def measure_free_place(folder: Path, uri: str, label: str, patch: str) -> None:
    """Eight clients register without pause; one signs in every 0.2 s."""
    with patched_server(folder, uri, patch, RATELIMIT_ENABLED="false") as server:
        stop = threading.Event()
        threads = [
            threading.Thread(target=keep_registering, args=(server, stop, f"{label}{number}"))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        statuses, times = [], []
        body = {"email": ADMIN["ADMIN_EMAIL"], "password": ADMIN["ADMIN_PASSWORD"]}
        with httpx.Client(base_url=server.url, timeout=30) as http:
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                started = time.perf_counter()
                statuses.append(http.post("/api/auth/login", json=body).status_code)
                times.append(time.perf_counter() - started)
                time.sleep(0.2)
        stop.set()
        for thread in threads:
            thread.join()
    share = statuses.count(200) / len(statuses)
    print(
        f"sign-ins during a flood of registrations, {label} a free place: {share:.0%} succeed"
        f" at once, p99 {get_percentile(times, 99) * 1000:.0f} ms",
        flush=True,
    )


def keep_registering(server: Server, stop: threading.Event, name: str) -> None:
    with httpx.Client(base_url=server.url, timeout=30) as http:
        number = 0
        while not stop.is_set():
            number += 1
            email = f"{name}-{number}@example.com"
            http.post("/api/users", json={"name": "New", "email": email, "password": PASSWORD})


if __name__ == "__main__":
    main()
