"""Whoever makes their own account: when, how often, and what is on the audit log of it."""

import pytest

from tests import people
from tests.conftest import ADA


def code(answer):
    return answer.json["error"]["code"]


@pytest.fixture
def limited(make_app, services, stored):
    limits = {"ratelimit_registration": "3/hour", "ratelimit_default": "1000/second"}
    people.add(services, "root", role="admin")
    return make_app(auth_required=True, ratelimit_enabled=True, trusted_proxies=1, **limits).test_client()


def register(client, name, address="203.0.113.9", **fields):
    sent = ADA | {"email": f"{name}@example.com"} | fields
    return client.post("/api/users", json=sent, headers={"X-Forwarded-For": address})


def test_nobody_registers_before_there_is_an_admin(guarded, services, stored):
    """Else whoever is first could take the address that the admin is to have."""
    answer = guarded.post("/api/users", json=ADA)
    assert (answer.status_code, code(answer)) == (403, "no_admin_yet")
    assert "create-admin" in answer.json["message"]
    assert stored.users.count_documents({}) == 0
    people.add(services, "root", role="admin")
    assert guarded.post("/api/users", json=ADA).status_code == 201


def test_an_address_registers_so_often_and_no_more(limited):
    assert [register(limited, f"user{number}").status_code for number in range(5)] == [201, 201, 201, 429, 429]
    refused = register(limited, "user6")
    assert int(refused.headers["Retry-After"]) > 1000
    assert '"registration"' in refused.headers["RateLimit"]
    assert register(limited, "user7", address="203.0.113.10").status_code == 201


def test_asking_whether_an_address_is_taken_counts_and_is_on_the_audit_log(limited, stored):
    assert [register(limited, "root").status_code for _ in range(4)] == [409, 409, 409, 429]
    assert code(register(limited, "new", address="203.0.113.10", username="root")) == "username_taken"
    entries = list(stored.audit.find({"action": "user.registration_refused"}).sort("_id", 1))
    assert [entry["changes"]["reason"]["after"] for entry in entries] == ["email_taken"] * 3 + ["username_taken"]
    assert {entry["ip"] for entry in entries} == {"203.0.113.9", "203.0.113.10"}
    assert "root@example.com" not in str(entries)


def test_closed_registration_is_on_the_audit_log_too(make_app, stored):
    client = make_app(auth_required=True, registration="closed").test_client()
    assert code(client.post("/api/users", json=ADA)) == "registration_closed"
    assert stored.audit.find_one({"action": "user.registration_refused"})["actor_type"] == "anonymous"


def test_whoever_may_create_users_is_not_limited(limited, services):
    admin = people.person(services, limited, "admin", role="admin")
    sent = [ADA | {"email": f"user{number}@example.com"} for number in range(5)]
    assert [admin.post("/api/users", json=each).status_code for each in sent] == [201] * 5
