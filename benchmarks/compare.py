"""Measures rollbook, its peers and bare Flask on one MongoDB, and writes docs/performance.md.

    python benchmarks/compare.py [--only read,me] [--peers rollbook,floor] [--rounds 5]
        [--seconds 3] [--warmup 1] [--page]

Results are kept in .bench/results.json. A run replaces what it measures and keeps the rest.
"""

import argparse
import itertools
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pymongo import MongoClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.comparison.cases import CASES, Case
from benchmarks.comparison.machine import describe_machine
from benchmarks.comparison.measuring import Bench
from benchmarks.comparison.page import render_group, write_page
from benchmarks.comparison.results import Results
from benchmarks.comparison.wrk import LoadFailed, find_wrk
from benchmarks.peers.better_auth.peer import BetterAuth
from benchmarks.peers.eve.peer import Eve
from benchmarks.peers.fastapi_users.peer import FastAPIUsers
from benchmarks.peers.floor.peer import Floor
from benchmarks.peers.parse_server.peer import ParseServer
from benchmarks.peers.peer import Peer
from benchmarks.peers.rollbook.peer import Rollbook
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod

ROOT = Path(__file__).parents[1]
Chosen = TypeVar("Chosen")
CACHE = ROOT / ".bench"
RESULTS = CACHE / "results.json"
PEERS: list[Peer] = [
    kind(CACHE / kind.key) for kind in (Rollbook, Floor, FastAPIUsers, ParseServer, BetterAuth, Eve)
]


def main() -> int:
    options = parse_options()
    results = Results.read(RESULTS)
    if not options.page:
        find_wrk()
        for peer in options.peers:
            peer.install()
        try:
            measure(options, options.only, options.peers, results)
        except LoadFailed as error:
            print(error, file=sys.stderr)
            return 1
    write_page(results, PEERS, ROOT / "docs")
    return 0


def measure(
    options: argparse.Namespace, cases: list[Case], peers: list[Peer], results: Results
) -> None:
    """Measure, and write what was measured after each case."""

    def keep(measured: list[Case]) -> None:
        results.write(RESULTS)
        print(f"\n{render_group(results, measured, PEERS)}", flush=True)

    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        MongoClient[Any](mongod.uri) as client,
    ):
        results.machine = describe_machine(find_mongod(None))
        results.versions |= {peer.key: dict(peer.get_versions()) for peer in peers}
        bench = Bench(
            *(mongod.uri, client, Path(name), results),
            *(options.rounds, options.seconds, options.warmup, keep),
        )
        for _, stage in itertools.groupby(cases, lambda case: case.variant.cost):
            bench.measure_stage(list(stage), peers)
        if options.starts:
            bench.measure_starts(peers)
        results.write(RESULTS)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    environment = os.environ.get
    parser.add_argument("--only", type=choose_cases, default=CASES)
    parser.add_argument("--peers", type=choose_peers, default=PEERS)
    parser.add_argument("--rounds", type=int, default=int(environment("ROUNDS", "5")))
    parser.add_argument("--seconds", type=float, default=float(environment("SECONDS", "3")))
    parser.add_argument("--warmup", type=float, default=float(environment("WARMUP_SECONDS", "1")))
    parser.add_argument("--starts", action="store_true", help="measure the start-up too")
    parser.add_argument("--page", action="store_true", help="only write the page")
    options = parser.parse_args()
    options.starts = options.starts or options.only == CASES
    return options


def choose_cases(keys: str) -> list[Case]:
    return sorted(choose(keys, {case.key: case for case in CASES}), key=CASES.index)


def choose_peers(keys: str) -> list[Peer]:
    return choose(keys, {peer.key: peer for peer in PEERS})


def choose(keys: str, known: Mapping[str, Chosen]) -> list[Chosen]:
    """Choose by keys that commas separate. Raises: ArgumentTypeError, for an unknown key."""
    chosen = keys.split(",")
    if unknown := set(chosen) - known.keys():
        names = ", ".join(known)
        raise argparse.ArgumentTypeError(f"no {', '.join(sorted(unknown))}; there are {names}")
    return [known[key] for key in chosen]


if __name__ == "__main__":
    raise SystemExit(main())
