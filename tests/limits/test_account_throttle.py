"""Too many sign-in attempts on an account lock out their addresses, not its owner."""

import time

import pytest
from limits.storage import MemoryStorage

from rollbook.access.principal import Origin
from rollbook.kit.errors import Unavailable
from rollbook.limits.service import AttemptLimiter
from rollbook.storage.driver_errors import limit_database_time, translate_driver_errors
from tests import people
from tests.conftest import PASSWORD

pytestmark = pytest.mark.slow

WRONG_PASSWORD = "not the password at all"
HOME, ABROAD = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def limited_client(make_app, stored):
    limits = {
        "ratelimit_auth": "1000/hour",
        "ratelimit_account": "3/hour",
        "ratelimit_default": "1000/second",
    }
    return make_app(
        auth_required=True, ratelimit_enabled=True, trusted_proxies=1, **limits
    ).test_client()


def sign_in(client, password, address, **identity):
    body = {"password": password} | (identity or {"email": "ada@example.com"})
    return client.post(
        "/api/auth/login", json=body, headers={"X-Forwarded-For": address}
    ).status_code


def test_lockout_applies_only_to_the_guessing_address(services, limited_client):
    people.add(services, "ada")
    for _ in range(4):
        assert sign_in(limited_client, WRONG_PASSWORD, ABROAD) == 401
    assert sign_in(limited_client, PASSWORD, ABROAD) == 401, "the right password comes too late"
    assert sign_in(limited_client, PASSWORD, ABROAD, username="ada") == 401, (
        "the username is the same account"
    )
    assert sign_in(limited_client, PASSWORD, HOME) == 200, "a new address has its own limit"
    assert sign_in(limited_client, PASSWORD, ABROAD) == 401, "the lockout remains"


def test_owner_signs_in_from_a_known_address_under_attack(services, limited_client):
    people.add(services, "ada")
    assert sign_in(limited_client, PASSWORD, HOME) == 200
    for number in range(30):
        assert sign_in(limited_client, WRONG_PASSWORD, f"203.0.113.{number + 10}") == 401
    assert sign_in(limited_client, PASSWORD, ABROAD) == 401, (
        "all addresses together have reached the limit"
    )
    assert sign_in(limited_client, PASSWORD, HOME) == 200
    assert sign_in(limited_client, PASSWORD, ABROAD) == 200, "the owner's sign-in resets the limit"


def test_registration_address_becomes_a_known_address(services, limited_client):
    people.add(services, "root", role="admin")
    new = {"name": "New", "email": "ada@example.com", "password": PASSWORD}
    assert (
        limited_client.post("/api/users", json=new, headers={"X-Forwarded-For": HOME}).status_code
        == 201
    )
    for number in range(31):
        sign_in(limited_client, WRONG_PASSWORD, f"203.0.113.{number + 10}")
    assert sign_in(limited_client, PASSWORD, ABROAD) == 401
    assert sign_in(limited_client, PASSWORD, HOME) == 200


def test_invalid_address_never_becomes_a_known_address(services, limited_client, stored):
    people.add(services, "ada")
    assert sign_in(limited_client, PASSWORD, "no address") == 200
    assert stored.users.find_one()["known_addresses"] == []
    assert sign_in(limited_client, PASSWORD, "203.0.113.9:4711") == 200
    assert sign_in(limited_client, PASSWORD, "[2001:db8::1]:443") == 200
    assert stored.users.find_one()["known_addresses"] == ["203.0.113.9", "2001:db8::/64"]


def test_one_address_cannot_use_up_the_account_limit(services, limited_client):
    """Three addresses count nine of thirty attempts, so a new address is still allowed."""
    people.add(services, "ada")
    for number in range(3):
        assert {
            sign_in(limited_client, WRONG_PASSWORD, f"203.0.113.{number + 10}") for _ in range(15)
        } == {401}
    assert sign_in(limited_client, PASSWORD, HOME) == 200


def change_password(client, token, current, address):
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
    sent = {"password": "another row of long words", "current_password": current}
    return client.patch("/api/users/me", json=sent, headers=headers)


def test_owner_changes_password_from_a_known_address(services, limited_client):
    people.add(services, "ada")
    body = {"email": "ada@example.com", "password": PASSWORD}
    signed_in = limited_client.post("/api/auth/login", json=body, headers={"X-Forwarded-For": HOME})
    token = signed_in.json["data"]["access_token"]
    for number in range(200):
        sign_in(
            limited_client, WRONG_PASSWORD, f"203.0.113.{number + 10}" if number < 200 else ABROAD
        )
    response = change_password(limited_client, token, PASSWORD, "192.0.2.1")
    assert (response.status_code, response.json["error"]["code"]) == (429, "too_many_requests")
    assert change_password(limited_client, token, PASSWORD, HOME).status_code == 200


def test_lockout_does_not_affect_other_accounts(services, limited_client):
    people.add(services, "ada")
    people.add(services, "bob")
    for _ in range(5):
        sign_in(limited_client, WRONG_PASSWORD, ABROAD)
    assert sign_in(limited_client, PASSWORD, ABROAD, email="bob@example.com") == 200


def test_limit_counters_do_not_identify_the_account(services, limited_client, stored):
    user = people.add(services, "ursula")
    sign_in(limited_client, WRONG_PASSWORD, ABROAD, email="ursula@example.com")
    sign_in(limited_client, WRONG_PASSWORD, ABROAD, email="nobody@example.com")
    counters = str(list(stored.limit_counters.find()))
    for identifier in ("ursula", "nobody", user["id"]):
        assert identifier not in counters


def test_limiter_without_a_store_allows_everything():
    attempts = AttemptLimiter(None, per_address="1/hour", per_account="1/hour")
    assert all(attempts.count_account_attempt("account", Origin()) for _ in range(5))


class SlowStorage(MemoryStorage):
    def incr(self, *arguments, **options):
        time.sleep(0.3)
        return super().incr(*arguments, **options)


def test_counting_takes_from_the_database_time_of_a_request(services, stored):
    """Otherwise a request would wait for the counters, and then for the database as long again."""
    people.add(services, "ada")
    attempts = AttemptLimiter(SlowStorage(), per_address="9/hour", per_account="9/hour")
    with limit_database_time(0.3):
        attempts.count_attempt(Origin(HOME))
        started = time.monotonic()
        with pytest.raises(Unavailable), translate_driver_errors():
            list(stored.users.find({"$where": "sleep(1000) || true"}))
        assert time.monotonic() - started < 0.2
