"""The time of a failed sign-in reveals nothing about an account, by a paired t-test."""

import gc
import itertools
import os
import random  # noqa: TID251 - the kinds of failure are measured in random order
import statistics
import time

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.passwords.hashing import PasswordHasher
from tests import people
from tests.conftest import PASSWORD

SAMPLES = int(os.environ.get("TIMING_SAMPLES", "100"))
"""Of each kind of failure. More samples detect smaller differences."""
MAX_T = 4.5
"""A larger |t| means a detectable difference, as in leakage tests (ISO/IEC 17825).

By chance it occurs once in 100,000 comparisons.
"""
KEPT = 0.9
"""Of the rounds, the quickest. One pause of the machine would hide any difference of the means.

Cropped as by Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", 2017.
"""
BCRYPT_ROUNDS = 8
"""A sixteenth of the default work, but still more than the noise of a busy machine."""
SKIPPED = ("unknown user", "wrong password")
WRONG_PASSWORD = "not the password at all"


def compute_t(differences):
    """Student's t of differences between two kinds in the same round, which share its load."""
    error = statistics.stdev(differences) / len(differences) ** 0.5
    return abs(statistics.mean(differences)) / error


@pytest.fixture
def kinds(services, make_app, stored):
    """A client, and the body of a request for each kind of failure.

    The limits are on, but too high for one address to reach.
    """
    limits = {
        "ratelimit_default": "100000/second",
        "ratelimit_auth": "100000/hour",
        "ratelimit_account": "500/hour",
    }
    client = make_app(
        auth_required=True, ratelimit_enabled=True, bcrypt_rounds=BCRYPT_ROUNDS, **limits
    ).test_client()
    for name in ("known", "long", "disabled", "deleted", "locked"):
        people.add(services, name)
    for name in ("known", "long"):
        assert people.sign_in(client, f"{name}@example.com").status_code == 200
    stored.users.update_one({"username": "disabled"}, {"$set": {"is_active": False}})
    shared_hash = stored.users.find_one({"username": "known"})["password_hash"]
    stored.users.update_many({}, {"$set": {"password_hash": shared_hash}})
    services.deletion.delete_user("deleted", actor=COMMAND_LINE)
    stored.limit_counters.delete_many({})
    people.sign_in(client, "locked@example.com", WRONG_PASSWORD)
    stored.limit_counters.update_many({"_id": {"$regex": "account"}}, {"$set": {"count": 10**6}})
    return client, {
        "unknown user": lambda: {"email": "nobody@example.com", "password": PASSWORD},
        "wrong password": lambda: {"email": "known@example.com", "password": WRONG_PASSWORD},
        "disabled": lambda: {"email": "disabled@example.com", "password": PASSWORD},
        "locked": lambda: {"email": "locked@example.com", "password": PASSWORD},
        "deleted": lambda: {"email": "deleted@example.com", "password": PASSWORD},
        "200 bytes": lambda: {"email": "long@example.com", "password": "é" * 100},
    }


def measure(client, kinds):
    """Measure each kind once in each round, in random order, and drop the slowest rounds.

    Returns t for each pair of kinds.
    """
    gc.disable()
    try:
        rounds = [measure_round(client, kinds) for _ in range(SAMPLES)]
    finally:
        gc.enable()
    rounds.sort(key=lambda times: sum(times.values()))
    kept = rounds[: int(KEPT * SAMPLES)]
    return {
        f"{one} / {other}": round(compute_t([times[one] - times[other] for times in kept]), 2)
        for one, other in itertools.combinations(kinds, 2)
    }


def measure_round(client, kinds):
    times = {}
    for name in random.sample(list(kinds), len(kinds)):
        body = kinds[name]()
        started = time.perf_counter()
        response = client.post("/api/auth/login", json=body)
        times[name] = time.perf_counter() - started
        assert response.status_code == 401
    return times


@pytest.mark.long
@pytest.mark.timeout(300)
def test_sign_in_failures_take_the_same_time(kinds):
    t_values = measure(*kinds)
    print(t_values)
    assert max(t_values.values()) < MAX_T, t_values


@pytest.mark.long
def test_measurement_detects_a_skipped_hash(kinds, monkeypatch):
    """Control: without the dummy hash, an unknown user differs from a wrong password."""
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher,
        "verify",
        lambda self, password, stored: bool(stored) and verify(self, password, stored),
    )
    client, all_kinds = kinds
    [t] = measure(client, {name: all_kinds[name] for name in SKIPPED}).values()
    print(t)
    assert t > MAX_T
