"""Too many strangers at one account: they are locked out, its owner is not."""

import pytest

from rollbook.access.principal import Origin
from rollbook.limits.service import Attempts
from tests import people
from tests.conftest import PASSWORD

WRONG = "not the password at all"
HOME, ABROAD = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def throttled(make_app, stored):
    limits = {"ratelimit_auth": "1000/hour", "ratelimit_account": "3/hour", "ratelimit_default": "1000/second"}
    return make_app(auth_required=True, ratelimit_enabled=True, trusted_proxies=1, **limits).test_client()


def sign_in(client, password, address, **who):
    body = {"password": password} | (who or {"email": "ada@example.com"})
    return client.post("/api/auth/login", json=body, headers={"X-Forwarded-For": address}).status_code


def test_who_tries_too_often_is_locked_out_alone(services, throttled):
    people.add(services, "ada")
    for _ in range(4):
        assert sign_in(throttled, WRONG, ABROAD) == 401
    assert sign_in(throttled, PASSWORD, ABROAD) == 401, "the right password, too late"
    assert sign_in(throttled, PASSWORD, ABROAD, username="ada") == 401, "by whatever name"
    assert sign_in(throttled, PASSWORD, HOME) == 200, "from where nobody has ever been"
    assert sign_in(throttled, PASSWORD, ABROAD) == 401, "still"


def test_against_many_the_owner_goes_on_from_where_they_were_before(services, throttled):
    people.add(services, "ada")
    assert sign_in(throttled, PASSWORD, HOME) == 200
    for number in range(30):
        assert sign_in(throttled, WRONG, f"203.0.113.{number + 10}") == 401
    assert sign_in(throttled, PASSWORD, ABROAD) == 401, "all addresses together have had their tries"
    assert sign_in(throttled, PASSWORD, HOME) == 200
    assert sign_in(throttled, PASSWORD, ABROAD) == 200, "the owner has been there: all is forgiven"


def test_whoever_registers_is_known_where_they_did(services, throttled):
    people.add(services, "root", role="admin")
    new = {"name": "New", "email": "ada@example.com", "password": PASSWORD}
    assert throttled.post("/api/users", json=new, headers={"X-Forwarded-For": HOME}).status_code == 201
    for number in range(31):
        sign_in(throttled, WRONG, f"203.0.113.{number + 10}")
    assert sign_in(throttled, PASSWORD, ABROAD) == 401
    assert sign_in(throttled, PASSWORD, HOME) == 200


def test_what_is_no_address_is_never_known(services, throttled, stored):
    people.add(services, "ada")
    assert sign_in(throttled, PASSWORD, "no address") == 200
    assert stored.users.find_one()["known_addresses"] == []
    assert sign_in(throttled, PASSWORD, "203.0.113.9:4711") == 200
    assert sign_in(throttled, PASSWORD, "[2001:db8::1]:443") == 200
    assert stored.users.find_one()["known_addresses"] == ["203.0.113.9", "2001:db8::/64"]


def test_one_address_uses_up_no_more_of_the_total_than_its_own_limit(services, throttled):
    """Three addresses count nine of thirty: the owner signs in from anywhere else."""
    people.add(services, "ada")
    for number in range(3):
        assert {sign_in(throttled, WRONG, f"203.0.113.{number + 10}") for _ in range(15)} == {401}
    assert sign_in(throttled, PASSWORD, HOME) == 200


def change_password(client, token, current, address):
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": address}
    sent = {"password": "another row of long words", "current_password": current}
    return client.patch("/api/users/me", json=sent, headers=headers)


def test_the_owner_changes_their_password_where_they_are_known_whatever_others_try(services, throttled):
    people.add(services, "ada")
    body = {"email": "ada@example.com", "password": PASSWORD}
    signed_in = throttled.post("/api/auth/login", json=body, headers={"X-Forwarded-For": HOME})
    token = signed_in.json["data"]["access_token"]
    for number in range(200):
        sign_in(throttled, WRONG, f"203.0.113.{number + 10}" if number < 200 else ABROAD)
    elsewhere = change_password(throttled, token, PASSWORD, "192.0.2.1")
    assert (elsewhere.status_code, elsewhere.json["error"]["code"]) == (429, "too_many_requests")
    assert change_password(throttled, token, PASSWORD, HOME).status_code == 200


def test_whom_nobody_tries_is_not_locked(services, throttled):
    people.add(services, "ada")
    people.add(services, "bob")
    for _ in range(5):
        sign_in(throttled, WRONG, ABROAD)
    assert sign_in(throttled, PASSWORD, ABROAD, email="bob@example.com") == 200


def test_the_counters_do_not_say_whose_they_are(services, throttled, stored):
    user = people.add(services, "ursula")
    sign_in(throttled, WRONG, ABROAD, email="ursula@example.com")
    sign_in(throttled, WRONG, ABROAD, email="nobody@example.com")
    counted = str(list(stored.limit_counters.find()))
    for told in ("ursula", "nobody", user["id"]):
        assert told not in counted


def test_without_a_store_nothing_is_limited():
    attempts = Attempts(None, per_address="1/hour", per_account="1/hour")
    assert all(attempts.reserve_for("account", Origin()) for _ in range(5))
