"""The goals, and how far the measurements are from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.comparison.results import Metric, Results, divide

OWN, FLOOR = "rollbook", "floor"
DASH, TIMES = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}"
READS = {"read": "read by id", "me": "read `me`", "list-20": "list of 20"}


@dataclass(frozen=True)
class Goal:
    """`reached` and `target` have the same unit. `at_most` says which side of the target is good.

    `reached` is None where something was not measured.
    """

    title: str
    target: float
    reached: float | None
    at_most: bool
    unit: str = TIMES

    @property
    def is_met(self) -> bool | None:
        if self.reached is None:
            return None
        return self.reached <= self.target if self.at_most else self.reached >= self.target

    def describe_verdict(self) -> str:
        """Say whether the goal is met, and if not, by how much it is missed."""
        if self.reached is None:
            return "not measured"
        if self.is_met:
            return "met"
        if self.target == 0:
            return "missed"
        return f"missed by {abs(self.reached / self.target - 1):.0%}"

    def describe_target(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {format_amount(self.target, self.unit)}"

    def describe_reached(self) -> str:
        return DASH if self.reached is None else format_amount(self.reached, self.unit)


def format_amount(amount: float, unit: str) -> str:
    if unit == TIMES:
        return f"{amount:.2f} {TIMES}"
    if unit == "%":
        return f"{amount:.0%}".replace("%", " %")
    return f"{amount:.2f} {unit}" if unit == "s" else f"{amount:.0f} {unit}"


def list_goals(results: Results, peers: Sequence[str]) -> list[Goal]:
    """`peers` are the keys of the other products, without the floor."""
    reads, writes = list_read_goals(results, peers), list_write_goals(results, peers)
    return [*reads, *writes, *list_size_goals(results)]


def list_read_goals(results: Results, peers: Sequence[str]) -> Iterator[Goal]:
    def compare(case: str, metric: Metric) -> float | None:
        own = results.get_median(case, OWN, metric)
        return divide(own, results.find_best(case, metric, peers))

    for case, title in READS.items():
        cpu = results.get_median(case, OWN, "cpu")
        floor = divide(cpu, results.get_median(case, FLOOR, "cpu"))
        yield Goal(f"{title}: CPU, of the best peer's", 0.60, compare(case, "cpu"), True)
        if floor is not None or case != "me":
            yield Goal(f"{title}: CPU, of bare Flask's", 1.5, floor, True)
        yield Goal(f"{title}: requests/s, of the best peer's", 1.5, compare(case, "rate"), False)
        yield Goal(f"{title}: p99, of the best peer's", 1.0, compare(case, "p99"), True)
    saved = divide(
        results.get_median("not-modified", OWN, "cpu"), results.get_median("read", OWN, "cpu")
    )
    yield Goal("304: CPU, of the read that it saves", 0.8, saved, True)


def list_write_goals(results: Results, peers: Sequence[str]) -> Iterator[Goal]:
    update = divide(
        results.get_median("update", OWN, "rate"), results.find_best("update", "rate", peers)
    )
    yield Goal("update with audit entry: requests/s, of the best peer's", 1.0, update, False)
    for case, cost, title in (("create-12", 12, "create"), ("sign-in", 10, "sign-in")):
        share = divide(results.get_median(case, OWN, "rate"), results.get_hash_rate(cost))
        yield Goal(f"{title} at cost {cost}: of what all cores can hash", 0.95, share, False, "%")
    on, off = (results.get_median(case, OWN, "cpu") for case in ("limits-on", "limits-off"))
    added = None if on is None or off is None else on - off
    yield Goal("limits on: CPU added to a read", 60, added, True, "µs")


def list_size_goals(results: Results) -> Iterator[Goal]:
    workers = results.memory.get(OWN, {}).get("pss", [])[1:]
    yield Goal("memory of a worker", 90, max(workers, default=None), True, "MB")
    yield Goal("start, until it answers", 1.5, results.get_start(OWN), True, "s")
