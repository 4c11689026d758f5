"""Self-registration: when it is allowed, how often, and its audit entries."""

import pytest

from rollbook.access.principal import COMMAND_LINE
from tests import people
from tests.conftest import ADA, PASSWORD


def get_error_code(response):
    return response.json["error"]["code"]


@pytest.fixture
def limited_client(make_app, services, stored):
    limits = {"ratelimit_registration": "3/hour", "ratelimit_default": "1000/second"}
    people.add(services, "root", role="admin")
    return make_app(
        auth_required=True, ratelimit_enabled=True, trusted_proxies=1, **limits
    ).test_client()


def register(client, name, address="203.0.113.9", **fields):
    sent = ADA | {"email": f"{name}@example.com"} | fields
    return client.post("/api/users", json=sent, headers={"X-Forwarded-For": address})


def test_registration_is_refused_until_an_admin_exists(guarded, services, stored):
    """Otherwise somebody could register the e-mail address that the admin will have."""
    response = guarded.post("/api/users", json=ADA)
    assert (response.status_code, get_error_code(response)) == (403, "no_admin_yet")
    assert "create-admin" in response.json["message"]
    assert stored.users.count_documents({}) == 0
    people.add(services, "root", role="admin")
    assert guarded.post("/api/users", json=ADA).status_code == 201


def test_registration_limit_is_per_client_address(limited_client):
    assert [register(limited_client, f"user{number}").status_code for number in range(5)] == [
        201,
        201,
        201,
        429,
        429,
    ]
    response = register(limited_client, "user6")
    assert int(response.headers["Retry-After"]) > 1000
    assert '"registration"' in response.headers["RateLimit"]
    assert register(limited_client, "user7", address="203.0.113.10").status_code == 201


def test_failed_registration_is_limited_and_audited(limited_client, services, stored):
    people.add(services, "grace")
    assert [register(limited_client, "root").status_code for _ in range(4)] == [409, 409, 409, 429]
    assert (
        get_error_code(register(limited_client, "new", address="203.0.113.10", username="grace"))
        == "username_taken"
    )
    entries = list(stored.audit.find({"action": "user.registration_refused"}).sort("_id", 1))
    assert [entry["changes"]["reason"]["after"] for entry in entries] == ["email_taken"] * 3 + [
        "username_taken"
    ]
    assert {entry["ip"] for entry in entries} == {"203.0.113.9", "203.0.113.10"}
    assert "root@example.com" not in str(entries)


def test_closed_registration_writes_an_audit_entry(make_app, stored):
    client = make_app(auth_required=True, registration="closed").test_client()
    assert get_error_code(client.post("/api/users", json=ADA)) == "registration_closed"
    assert (
        stored.audit.find_one({"action": "user.registration_refused"})["actor_type"] == "anonymous"
    )


def test_registration_limit_does_not_apply_to_admins(limited_client, services):
    admin = people.person(services, limited_client, "admin", role="admin")
    sent = [ADA | {"email": f"user{number}@example.com"} for number in range(5)]
    assert [admin.post("/api/users", json=each).status_code for each in sent] == [201] * 5


@pytest.mark.parametrize(
    "username", ["admin", "Root", "sup-port", "post.master", "system", "r_o_l_l_book"]
)
def test_only_admins_can_assign_reserved_usernames(guarded, services, stored, username):
    people.add(services, "first", role="admin", username=None)
    response = guarded.post("/api/users", json=ADA | {"username": username})
    assert (response.status_code, get_error_code(response)) == (400, "username_reserved")
    ada = people.person(services, guarded, "ada")
    assert (
        get_error_code(ada.patch("/api/users/me", json={"username": username}))
        == "username_reserved"
    )
    admin = people.person(services, guarded, "boss", role="admin")
    assert (
        admin.post(
            "/api/users", json=ADA | {"email": "x@example.com", "username": username}
        ).status_code
        == 201
    )


LOOKALIKES = [
    "\u0430da@example.com",  # CYRILLIC SMALL LETTER A
    "ada@ex\u0430mple.com",
    "\u0251da@example.com",  # LATIN SMALL LETTER ALPHA
    "ad\u0430@\u0435xample.com",
    "xn--ada@xn--exmple-4nf.com".removeprefix("xn--"),  # The second one in Punycode.
]


@pytest.mark.parametrize("email", LOOKALIKES)
def test_only_admins_can_use_a_lookalike_email(guarded, services, stored, email):
    people.add(services, "ada")
    admin = people.person(services, guarded, "first", role="admin")
    response = guarded.post("/api/users", json=ADA | {"email": email})
    assert (response.status_code, get_error_code(response)) == (409, "email_lookalike")
    assert stored.audit.find_one({"action": "user.registration_refused"})["changes"]["reason"][
        "after"
    ] == get_error_code(response)
    assert admin.post("/api/users", json=ADA | {"email": email}).status_code == 201, (
        "admins may use a lookalike"
    )


def test_dotless_i_is_a_lookalike(guarded, services, stored):
    people.add(services, "first", role="admin")
    people.add(services, "ivan")
    assert (
        get_error_code(guarded.post("/api/users", json=ADA | {"email": "\u0131van@example.com"}))
        == "email_lookalike"
    )


@pytest.mark.parametrize(
    "email", ["adal@example.com", "ada1@example.com", "\u00e4da@example.com", "Ada@example.org"]
)
def test_similar_email_is_accepted(guarded, services, stored, email):
    people.add(services, "first", role="admin")
    people.add(services, "ada")
    people.add(services, "adai")
    assert guarded.post("/api/users", json=ADA | {"email": email}).status_code == 201


def test_lookalike_of_a_deleted_user_is_accepted(guarded, services, stored):
    people.add(services, "first", role="admin")
    user = people.add(services, "ada")
    services.deletion.delete_user(user["id"], actor=COMMAND_LINE)
    assert guarded.post("/api/users", json=ADA | {"email": LOOKALIKES[0]}).status_code == 201


def test_user_cannot_change_email_to_a_lookalike(guarded, services, stored):
    people.add(services, "first", role="admin")
    people.add(services, "ada")
    evil = people.person(services, guarded, "evil")
    response = evil.patch(
        "/api/users/me", json={"email": LOOKALIKES[0], "current_password": PASSWORD}
    )
    assert (response.status_code, get_error_code(response)) == (409, "email_lookalike")
