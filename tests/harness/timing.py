"""Whether the time of a request reveals anything, by a paired t-test."""

import gc
import itertools
import os
import random  # noqa: TID251 - the kinds are measured in random order
import statistics
import time
from collections.abc import Callable, Mapping

SAMPLES = int(os.environ.get("TIMING_SAMPLES", "100"))
"""Of each kind. More samples detect smaller differences."""
MAX_T = 4.5
"""A larger |t| means a detectable difference, as in leakage tests (ISO/IEC 17825).

By chance it occurs once in 100,000 comparisons.
"""
KEPT = 0.9
"""Of the rounds, the quickest. One pause of the machine would hide any difference of the means.

Cropped as by Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", 2017.
"""


def compute_t(differences: list[float]) -> float:
    """Student's t of differences between two kinds in the same round, which share its load."""
    error = statistics.stdev(differences) / len(differences) ** 0.5
    return abs(statistics.mean(differences)) / error


def measure(kinds: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    """Run each kind once in each round, in random order, and drop the slowest rounds.

    Returns t for each pair of kinds.
    """
    gc.disable()
    try:
        rounds = [_measure_round(kinds) for _ in range(SAMPLES)]
    finally:
        gc.enable()
    rounds.sort(key=lambda times: sum(times.values()))
    kept = rounds[: int(KEPT * SAMPLES)]
    return {
        f"{one} / {other}": round(compute_t([times[one] - times[other] for times in kept]), 2)
        for one, other in itertools.combinations(kinds, 2)
    }


def _measure_round(kinds: Mapping[str, Callable[[], None]]) -> dict[str, float]:
    times = {}
    for name in random.sample(list(kinds), len(kinds)):
        started = time.perf_counter()
        kinds[name]()
        times[name] = time.perf_counter() - started
    return times
