"""What was measured: kept in a JSON file, into which a partial run is merged."""

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Metric = Literal["rate", "p50", "p99", "cpu", "others"]
"""Requests per second; milliseconds; milliseconds; microseconds of CPU time per request.

`others` is the share of the CPU time of all cores that programs used which are no part of this.
"""


@dataclass
class Results:
    """The measurements of all rounds.

    `measurements`: case → peer → one dict of metrics for each round. `hash_rates`: cost → how many
    passwords all cores hash per second, for each round. `memory`: peer → PSS and RSS in MB of each
    process. `starts`: peer → seconds. `versions`: peer → package → version. `seconds`: case →
    length of a round.
    """

    measurements: dict[str, dict[str, list[dict[Metric, float]]]] = field(default_factory=dict)
    hash_rates: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Read what earlier runs measured, or start without anything."""
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(vars(self), indent=1) + "\n")

    def forget(self, case: str, peer: str) -> None:
        """Forget what an earlier run measured, before the first round of this one."""
        self.measurements.setdefault(case, {}).pop(peer, None)

    def add(self, case: str, peer: str, metrics: dict[Metric, float]) -> None:
        self.measurements.setdefault(case, {}).setdefault(peer, []).append(metrics)

    def list_round_counts(self) -> set[int]:
        """List how many rounds the cases have. Partial runs may have had other settings."""
        return {
            len(rounds) for by_peer in self.measurements.values() for rounds in by_peer.values()
        }

    def get_share_of_others(self) -> float:
        """Return the median share of the CPU time that other programs used."""
        by_case = self.measurements.values()
        rounds = [each for by_peer in by_case for found in by_peer.values() for each in found]
        return statistics.median([each["others"] for each in rounds] or [0.0])

    def get_median(self, case: str, peer: str, metric: Metric) -> float | None:
        """Return the median of all rounds, or None when the peer did not do the case."""
        rounds = self.measurements.get(case, {}).get(peer, [])
        return statistics.median(each[metric] for each in rounds) if rounds else None

    def find_best(self, case: str, metric: Metric, peers: Iterable[str]) -> float | None:
        """Find the best median among `peers`: the highest rate, or the lowest of the others."""
        medians = [self.get_median(case, peer, metric) for peer in peers]
        known = [median for median in medians if median is not None]
        if not known:
            return None
        return max(known) if metric == "rate" else min(known)

    def get_memory(self, peer: str, kind: str = "pss") -> float | None:
        """Return the sum over all processes of the server, in MB."""
        return sum(self.memory[peer][kind]) if peer in self.memory else None

    def get_start(self, peer: str) -> float | None:
        """Return the median time from the start of the process to the first answer, in seconds."""
        return statistics.median(self.starts[peer]) if self.starts.get(peer) else None

    def get_hash_rate(self, cost: int) -> float | None:
        rates: list[Any] = self.hash_rates.get(str(cost), [])
        return statistics.median(rates) if rates else None


def divide(numerator: float | None, denominator: float | None) -> float | None:
    """Return the ratio, or None where one of them was not measured."""
    if numerator is None or not denominator:
        return None
    return numerator / denominator
