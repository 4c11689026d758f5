"""Whoever makes their own account: when, how often, and what is on the audit log of it."""

import pytest

from rollbook.access.principal import COMMAND_LINE
from tests import people
from tests.conftest import ADA, PASSWORD


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


def test_asking_whether_an_address_is_taken_counts_and_is_on_the_audit_log(limited, services, stored):
    people.add(services, "grace")
    assert [register(limited, "root").status_code for _ in range(4)] == [409, 409, 409, 429]
    assert code(register(limited, "new", address="203.0.113.10", username="grace")) == "username_taken"
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


@pytest.mark.parametrize("username", ["admin", "Root", "sup-port", "post.master", "system", "r_o_l_l_book"])
def test_names_of_those_who_run_the_service_are_nobodys_to_take(guarded, services, stored, username):
    people.add(services, "first", role="admin", username=None)
    answer = guarded.post("/api/users", json=ADA | {"username": username})
    assert (answer.status_code, code(answer)) == (400, "username_reserved")
    ada = people.person(services, guarded, "ada")
    assert code(ada.patch("/api/users/me", json={"username": username})) == "username_reserved"
    admin = people.person(services, guarded, "boss", role="admin")
    assert admin.post("/api/users", json=ADA | {"email": "x@example.com", "username": username}).status_code == 201


LOOKALIKES = [
    "\u0430da@example.com",  # CYRILLIC SMALL LETTER A
    "ada@ex\u0430mple.com",
    "\u0251da@example.com",  # LATIN SMALL LETTER ALPHA
    "ad\u0430@\u0435xample.com",
    "xn--ada@xn--exmple-4nf.com".removeprefix("xn--"),  # the second, in Punycode
]


@pytest.mark.parametrize("email", LOOKALIKES)
def test_an_address_that_looks_like_someones_is_not_taken_by_strangers(guarded, services, stored, email):
    people.add(services, "ada")
    admin = people.person(services, guarded, "first", role="admin")
    answer = guarded.post("/api/users", json=ADA | {"email": email})
    assert (answer.status_code, code(answer)) == (409, "email_lookalike")
    assert stored.audit.find_one({"action": "user.registration_refused"})["changes"]["reason"]["after"] == code(answer)
    assert admin.post("/api/users", json=ADA | {"email": email}).status_code == 201, "an admin knows who it is"


def test_a_dotless_i_is_no_way_to_someones_name(guarded, services, stored):
    people.add(services, "first", role="admin")
    people.add(services, "ivan")
    assert code(guarded.post("/api/users", json=ADA | {"email": "\u0131van@example.com"})) == "email_lookalike"


@pytest.mark.parametrize("email", ["adal@example.com", "ada1@example.com", "\u00e4da@example.com", "Ada@example.org"])
def test_what_is_only_similar_is_welcome(guarded, services, stored, email):
    people.add(services, "first", role="admin")
    people.add(services, "ada")
    people.add(services, "adai")
    assert guarded.post("/api/users", json=ADA | {"email": email}).status_code == 201


def test_whoever_is_deleted_is_looked_like_by_nobody(guarded, services, stored):
    people.add(services, "first", role="admin")
    user = people.add(services, "ada")
    services.deletion.delete_user(user["id"], actor=COMMAND_LINE)
    assert guarded.post("/api/users", json=ADA | {"email": LOOKALIKES[0]}).status_code == 201


def test_nor_is_such_an_address_taken_later(guarded, services, stored):
    people.add(services, "first", role="admin")
    people.add(services, "ada")
    evil = people.person(services, guarded, "evil")
    answer = evil.patch("/api/users/me", json={"email": LOOKALIKES[0], "current_password": PASSWORD})
    assert (answer.status_code, code(answer)) == (409, "email_lookalike")
