"""The time of a failed sign-in reveals nothing about an account, by Welch's t-test."""

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

SAMPLES = int(os.environ.get("TIMING_SAMPLES", "150"))
"""Of each kind of failure. More samples detect smaller differences."""
MAX_T = 4.5
"""A larger |t| means a detectable difference, as in leakage tests (ISO/IEC 17825).

By chance it occurs once in 100,000 comparisons.
"""
ROUNDS = 6
"""Of bcrypt: a sixty-fourth of the default work, but still more than the noise of a request."""
WRONG_PASSWORD = "not the password at all"


def compute_welch_t(one, other):
    variance = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.mean(one) - statistics.mean(other)) / variance**0.5


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
        auth_required=True, ratelimit_enabled=True, bcrypt_rounds=ROUNDS, **limits
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


def measure(client, kinds, samples=SAMPLES):
    times = {name: [] for name in kinds}
    order = [name for name in kinds for _ in range(samples)]
    random.shuffle(order)
    gc.disable()
    try:
        for name in order:
            body = kinds[name]()
            started = time.perf_counter()
            response = client.post("/api/auth/login", json=body)
            times[name].append(time.perf_counter() - started)
            assert response.status_code == 401
    finally:
        gc.enable()
    return times


@pytest.mark.timeout(300)
def test_sign_in_failures_take_the_same_time(kinds):
    times = measure(*kinds)
    t_values = {
        pair: abs(compute_welch_t(times[pair[0]], times[pair[1]]))
        for pair in itertools.combinations(times, 2)
    }
    print({f"{one} / {other}": round(t, 2) for (one, other), t in t_values.items()})
    assert max(t_values.values()) < MAX_T, t_values


def test_measurement_detects_a_skipped_hash(kinds, monkeypatch):
    """Control: without the dummy hash, an unknown user differs from a wrong password."""
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher,
        "verify",
        lambda self, password, stored: bool(stored) and verify(self, password, stored),
    )
    client, all_kinds = kinds
    selected = {name: all_kinds[name] for name in ("unknown user", "wrong password")}
    times = measure(client, selected, 100)
    t = abs(compute_welch_t(times["unknown user"], times["wrong password"]))
    print(round(t, 1))
    assert t > MAX_T
