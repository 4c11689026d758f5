"""Measure the cases in rounds, in which the peers take turns."""

import itertools
import socket
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pymongo import MongoClient

from benchmarks.comparison.cases import Case, Variant
from benchmarks.comparison.checking import check_load
from benchmarks.comparison.loads import Load
from benchmarks.comparison.machine import measure_hash_rate
from benchmarks.comparison.processes import OtherPrograms, Server, serving
from benchmarks.comparison.results import Metric, Results
from benchmarks.comparison.wrk import LoadFailed, Result, run_wrk
from benchmarks.peers.peer import Peer, Site, Start

HASHING_COST = 10
"""From this cost on, the hash takes most of the time of a request."""
NUMBERS_PER_RUN = 1_000_000
FIRST_WARMUPS = 6
"""The warm-up before the first round is so many times as long.

Node.js compiles code that runs often. After 5,000 requests, one takes half as long as at first.
"""
STARTS = 3
LOG_END = 2_000


@dataclass
class Running:
    """A peer whose server runs."""

    peer: Peer
    server: Server
    api: httpx.Client
    loads: dict[str, Load]


@dataclass
class Bench:
    """What all measurements share. `seconds` and `warmup_seconds` are of one measurement."""

    uri: str
    client: MongoClient[Any]
    folder: Path
    results: Results
    rounds: int
    seconds: float
    warmup_seconds: float
    on_measured: Callable[[list[Case]], None]
    """Called with the cases of which all rounds are over."""
    seeded: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1, NUMBERS_PER_RUN))

    @contextmanager
    def run_server(self, peer: Peer, variant: Variant) -> Iterator[Server]:
        """Start a peer, and wait until it answers."""
        port = get_free_port()
        environment = peer.build_environment(Start(self.get_uri(peer), port, variant))
        command = [part.replace("$PORT", str(port)) for part in peer.build_command()]
        with serving(command, environment, port, self.folder) as server:
            server.await_status(*peer.ready)
            yield server

    def get_uri(self, peer: Peer) -> str:
        return self.uri.replace("/?", f"/{peer.key}?")

    @contextmanager
    def run(self, peer: Peer, variant: Variant) -> Iterator[Running]:
        """Start a peer, and fill its database at the first time."""
        with (
            self.run_server(peer, variant) as server,
            httpx.Client(base_url=server.url, timeout=30) as api,
        ):
            if peer.key not in self.seeded:
                database = self.client.get_database(peer.key)
                peer.seed(Site(api, database, self.get_uri(peer)))
                self.client.admin.command("fsync")  # A checkpoint would slow down what follows.
                self.seeded.add(peer.key)
            yield Running(peer, server, api, peer.build_loads(api))

    def measure_stage(self, cases: Sequence[Case], peers: Sequence[Peer]) -> None:
        """Measure cases with the same cost of bcrypt. All servers run during all of it."""
        variants = dict.fromkeys(case.variant for case in cases)
        with ExitStack() as stack:
            running = {
                (peer.key, variant): stack.enter_context(self.run(peer, variant))
                for variant in variants
                for peer in peers
                if peer.supports(variant)
            }
            for _, unit in itertools.groupby(cases, lambda case: case.unit or case.key):
                measured = list(unit)
                self._measure_unit(measured, running)
                self.on_measured(measured)
            for (key, variant), each in running.items():
                if variant == Variant():
                    self.results.memory[key] = each.server.measure_memory()

    def _measure_unit(self, cases: list[Case], running: dict[tuple[str, Variant], Running]) -> None:
        pairs = [
            (case, each)
            for case in cases
            for (_, variant), each in running.items()
            if variant == case.variant and can_do(each, case)
        ]
        for case, each in pairs:
            with explaining_failures(case, each):
                self._check(case, each)
                self._send(case, each, self.warmup_seconds * FIRST_WARMUPS / case.longer)
            self.results.forget(case.key, each.peer.key)
            self.results.seconds[case.key] = self.seconds
        costs = {case.variant.cost for case in cases if case.variant.cost >= HASHING_COST}
        self.results.hash_rates |= {str(cost): [] for cost in costs}
        for number in range(1, self.rounds + 1):
            for cost in costs:
                self.results.hash_rates[str(cost)].append(measure_hash_rate(cost))
            for case, each in pairs:
                with explaining_failures(case, each):
                    metrics = self._measure(case, each)
                self.results.add(case.key, each.peer.key, metrics)
                print(f"{case.key} round {number}: {each.peer.key} {describe(metrics)}", flush=True)

    def _check(self, case: Case, each: Running) -> None:
        stranger, number = each.peer.stranger, next(self.numbers)
        check_load(each.api, case.load, each.loads[case.load], stranger, number)

    def _measure(self, case: Case, each: Running) -> dict[Metric, float]:
        self._send(case, each, self.warmup_seconds)
        before, others = each.server.get_cpu_seconds(), OtherPrograms()
        result = self._send(case, each, self.seconds, waits=False)
        used = each.server.get_cpu_seconds() - before
        share = others.measure_share()
        each.server.await_idle()
        rate, cpu = result.requests / result.seconds, used / result.requests * 1e6
        return {
            "rate": rate,
            "p50": result.p50,
            "p99": result.p99,
            "cpu": cpu,
            "others": share,
        }

    def _send(self, case: Case, each: Running, seconds: float, *, waits: bool = True) -> Result:
        """Send the requests of a case. Then wait until the server has done the last ones."""
        result = run_wrk(
            *(each.server.url, each.loads[case.load], self.folder),
            connections=case.connections,
            seconds=seconds * case.longer,
            first_number=next(self.numbers),
        )
        if waits:
            each.server.await_idle()
        return result

    def measure_starts(self, peers: Iterable[Peer]) -> None:
        """Measure the time from the start of a process until it answers."""
        for peer in peers:
            variant = next(v for v in (Variant(), Variant(cost=10)) if peer.supports(v))
            seconds = []
            for _ in range(STARTS):
                started = time.perf_counter()
                with self.run_server(peer, variant):
                    seconds.append(time.perf_counter() - started)
            self.results.starts[peer.key] = seconds
            print(f"start: {peer.key} {statistics.median(seconds):.2f} s", flush=True)


@contextmanager
def explaining_failures(case: Case, each: Running) -> Iterator[None]:
    """Add the peer, the case and the end of the server's log to what went wrong."""
    try:
        yield
    except LoadFailed as error:
        log = each.server.log.read_text(errors="replace")[-LOG_END:]
        raise LoadFailed(f"{each.peer.key}, {case.key}: {error}\nits log:\n{log}") from error


def can_do(running: Running, case: Case) -> bool:
    """Return whether the peer has the requests, and hashes with the cost that the case names."""
    hashes = case.load == "create"
    return case.load in running.loads and (not hashes or case.variant.cost in running.peer.costs)


def describe(metrics: dict[Metric, float]) -> str:
    return (
        f"{metrics['rate']:.0f}/s, p50 {metrics['p50']:.2f} ms, p99 {metrics['p99']:.2f} ms,"
        f" {metrics['cpu']:.0f} µs; others used {metrics['others']:.0%}"
    )


def get_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
