"""How long a sign-in takes to fail tells nothing of an account: Welch's t-test between all kinds of failure."""

import gc
import itertools
import os
import random  # noqa: TID251 - in which order the kinds come must not matter
import statistics
import time

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit.passwords import Turn
from tests import people
from tests.conftest import PASSWORD

SAMPLES = int(os.environ.get("TIMING_SAMPLES", "150"))
"""Of each kind; the more, the smaller a difference is noticed."""
MOST = 4.5
"""|t| beyond which two kinds can be told apart, as in leakage tests (ISO/IEC 17825): once in 100,000 by chance."""
ROUNDS = 6
"""Of bcrypt: a sixty-fourth of what a real one takes, and above what a request takes more or less by chance."""
WRONG = "not the password at all"


def welch(one, other):
    spread = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.mean(one) - statistics.mean(other)) / spread**0.5


@pytest.fixture
def kinds(services, make_app, stored):
    """Of failure: what to send. The limits are on; this address has room for all of it."""
    limits = {"ratelimit_default": "100000/second", "ratelimit_auth": "100000/hour", "ratelimit_account": "500/hour"}
    client = make_app(auth_required=True, ratelimit_enabled=True, bcrypt_rounds=ROUNDS, **limits).test_client()
    for name in ("known", "long", "disabled", "deleted", "locked"):
        people.add(services, name)
    for name in ("known", "long"):
        assert people.sign_in(client, f"{name}@example.com").status_code == 200
    stored.users.update_one({"username": "disabled"}, {"$set": {"is_active": False}})
    fifth = stored.users.find_one({"username": "known"})["password_hash"]
    stored.users.update_many({}, {"$set": {"password_hash": fifth}})
    services.deletion.delete_user("deleted", actor=COMMAND_LINE)
    stored.limit_counters.delete_many({})
    people.sign_in(client, "locked@example.com", WRONG)
    stored.limit_counters.update_many({"_id": {"$regex": "account"}}, {"$set": {"count": 10**6}})
    return client, {
        "unknown user": lambda: {"email": "nobody@example.com", "password": PASSWORD},
        "wrong password": lambda: {"email": "known@example.com", "password": WRONG},
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
            answer = client.post("/api/auth/login", json=body)
            times[name].append(time.perf_counter() - started)
            assert answer.status_code == 401
    finally:
        gc.enable()
    return times


@pytest.mark.timeout(300)
def test_no_two_kinds_of_failure_can_be_told_apart_by_time(kinds):
    times = measure(*kinds)
    found = {pair: abs(welch(times[pair[0]], times[pair[1]])) for pair in itertools.combinations(times, 2)}
    print({f"{one} / {other}": round(t, 2) for (one, other), t in found.items()})
    assert max(found.values()) < MOST, found


def test_the_measure_can_tell_a_difference(kinds, monkeypatch):
    """The control: without the work that is done for nobody, an unknown user is told from a wrong password."""
    verify = Turn.verify
    monkeypatch.setattr(Turn, "verify", lambda self, password, stored: bool(stored) and verify(self, password, stored))
    client, every = kinds
    two = {name: every[name] for name in ("unknown user", "wrong password")}
    times = measure(client, two, 100)
    t = abs(welch(times["unknown user"], times["wrong password"]))
    print(round(t, 1))
    assert t > MOST
