"""The time of a failed sign-in reveals nothing about an account, by a paired t-test."""

from functools import partial

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.passwords.hashing import PasswordHasher
from tests import people
from tests.conftest import PASSWORD
from tests.harness.timing import MAX_T, measure

BCRYPT_ROUNDS = 8
"""A sixteenth of the default work, but still more than the noise of a busy machine."""
SKIPPED = ("unknown user", "wrong password")
WRONG_PASSWORD = "not the password at all"


@pytest.fixture
def kinds(services, make_app, stored):
    """A request for each kind of failure.

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
    bodies = {
        "unknown user": {"email": "nobody@example.com", "password": PASSWORD},
        "wrong password": {"email": "known@example.com", "password": WRONG_PASSWORD},
        "disabled": {"email": "disabled@example.com", "password": PASSWORD},
        "locked": {"email": "locked@example.com", "password": PASSWORD},
        "deleted": {"email": "deleted@example.com", "password": PASSWORD},
        "200 bytes": {"email": "long@example.com", "password": "é" * 100},
    }
    return {name: partial(fail, client, body) for name, body in bodies.items()}


def fail(client, body):
    assert client.post("/api/auth/login", json=body).status_code == 401


@pytest.mark.long
@pytest.mark.timeout(300)
def test_sign_in_failures_take_the_same_time(kinds):
    t_values = measure(kinds)
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
    [t] = measure({name: kinds[name] for name in SKIPPED}).values()
    print(t)
    assert t > MAX_T
