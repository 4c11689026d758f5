"""Create, read, change and delete users over HTTP."""

from datetime import datetime
from urllib.parse import quote

import pytest
from bson import ObjectId

from tests.conftest import ADA, PASSWORD

ABSENT_REFS = ["0" * 24, "nobody@example.com", "nobody", "not a ref", "%00", "a" * 300]


def test_create_returns_201_with_the_location(client, stored):
    response = client.post(
        "/api/users", json=ADA | {"username": "Ada", "phone": "+44 (20) 7946-0958"}
    )

    assert response.status_code == 201
    user = response.json["data"]
    assert response.headers["Location"] == f"/api/users/{user['id']}"
    assert client.get(response.headers["Location"]).json["data"] == user
    assert (user["email"], user["username"], user["phone"]) == (
        "ada@example.com",
        "Ada",
        "+442079460958",
    )
    assert (user["role"], user["is_active"], user["version"], user["last_login"]) == (
        "user",
        True,
        1,
        None,
    )
    assert datetime.fromisoformat(user["created_at"]).microsecond % 1000 == 0
    assert user["created_at"].endswith("Z")
    assert set(user) == {
        "id",
        "name",
        "email",
        "email_verified_at",
        "pending_email",
        "locale",
        "username",
        "first_name",
        "last_name",
        "phone",
        "external_id",
        "role",
        "is_active",
        "created_at",
        "updated_at",
        "last_login",
        "metadata",
        "app_metadata",
        "private_metadata",
        "version",
    }


def test_password_is_stored_only_as_a_tagged_hash(client, ada, stored):
    document = stored.users.find_one({"_id": ObjectId(ada["id"])})
    assert document["password_hash"].startswith("hmac-sha256+bcrypt$2b$04$")
    assert PASSWORD not in str(document)


@pytest.mark.parametrize(
    "email",
    [
        "ada@example.com",
        "ADA@example.com",
        "Ada@EXAMPLE.COM",
        "\uff21da@example.com",
        "ada@example\u3002com",
    ],
)
def test_taken_email_returns_409_in_any_spelling(client, ada, stored, email):
    response = client.post("/api/users", json=ADA | {"email": email})
    assert response.status_code == 409
    assert response.json["error"]["code"] == "email_taken"
    assert response.json["error"]["details"][0]["field"] == "email"
    assert stored.users.count_documents({}) == 1


def test_taken_username_returns_409_in_any_case(client, stored):
    client.post("/api/users", json=ADA | {"username": "ada"})
    response = client.post("/api/users", json=ADA | {"email": "b@example.com", "username": "ADA"})
    assert response.status_code == 409
    assert response.json["error"]["code"] == "username_taken"


def test_conflicting_field_comes_from_the_index_name(client, stored):
    misleading_email = "username_key_uniq_username@example.com"
    client.post("/api/users", json=ADA | {"email": misleading_email})
    assert (
        client.post("/api/users", json=ADA | {"email": misleading_email}).json["error"]["code"]
        == "email_taken"
    )


def test_users_without_a_username_do_not_conflict(client, ada):
    assert client.post("/api/users", json=ADA | {"email": "b@example.com"}).status_code == 201


def test_user_can_be_read_by_id_email_or_username(client, ada):
    client.patch(f"/api/users/{ada['id']}", json={"username": "Countess"})
    for ref in (
        ada["id"],
        ada["id"].upper(),
        "ada@example.com",
        "ADA%40Example.com",
        "countess",
        "COUNTESS/",
    ):
        response = client.get(f"/api/users/{ref}")
        assert response.status_code == 200, ref
        assert response.json["data"]["id"] == ada["id"]


@pytest.mark.parametrize("email", ["a/b@example.com", "/a@example.com", "a/sessions@example.com"])
def test_email_with_a_slash_is_a_valid_reference(client, stored, email):
    client.post("/api/users", json=ADA | {"email": email})
    assert client.get(f"/api/users/{quote(email, safe='@')}").json["data"]["email"] == email


@pytest.mark.parametrize("ref", ABSENT_REFS)
def test_absent_user_returns_404_for_every_method(client, stored, ref):
    for response in (
        client.get(f"/api/users/{ref}"),
        client.patch(f"/api/users/{ref}", json={"name": "X"}),
        client.patch(f"/api/users/{ref}", json={"password": PASSWORD}),
        client.put(f"/api/users/{ref}", json={"name": "X"}),
        client.delete(f"/api/users/{ref}"),
    ):
        assert response.status_code == 404
        assert response.json["error"]["code"] == "user_not_found"
    assert stored.users.count_documents({}) == 0


def test_me_without_a_token_returns_401(client, ada):
    response = client.get("/api/users/me")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method", ["put", "patch"])
def test_change_affects_only_the_sent_fields(client, ada, method):
    filled = client.patch(
        f"/api/users/{ada['id']}",
        json={"username": "ada", "first_name": "Ada", "phone": "+1 555 010 9999"},
    ).json["data"]

    response = getattr(client, method)(f"/api/users/{ada['id']}", json={"name": "Countess"})

    assert response.status_code == 200
    changed = response.json["data"]
    unchanged = set(filled) - {"name", "version", "updated_at"}
    assert {name: changed[name] for name in unchanged} == {name: filled[name] for name in unchanged}
    assert (changed["name"], changed["version"]) == ("Countess", filled["version"] + 1)


def test_null_clears_a_field_and_frees_the_username(client, ada):
    client.patch(f"/api/users/{ada['id']}", json={"username": "ada", "phone": "+15550109999"})
    cleared = client.patch(f"/api/users/{ada['id']}", json={"username": None, "phone": None}).json[
        "data"
    ]
    assert (cleared["username"], cleared["phone"]) == (None, None)
    assert client.get("/api/users/ada").status_code == 404
    assert (
        client.post("/api/users", json=ADA | {"email": "b@x.org", "username": "ada"}).status_code
        == 201
    )


@pytest.mark.parametrize("field", ["name", "email", "password", "is_active"])
def test_null_for_a_required_field_returns_400(client, ada, field):
    response = client.patch(f"/api/users/{ada['id']}", json={field: None, "first_name": "A"})
    assert response.status_code == 400
    assert [detail["field"] for detail in response.json["error"]["details"]] == [field]
    assert client.get(f"/api/users/{ada['id']}").json["data"] == ada


def test_unchanged_values_create_no_version_or_audit_entry(client, ada, stored):
    for body in (
        {},
        {"name": ADA["name"]},
        {"name": f" {ADA['name']} ", "phone": None, "is_active": True},
    ):
        response = client.patch(f"/api/users/{ada['id']}", json=body)
        assert response.status_code == 200
        assert response.json["data"] == ada
    assert stored.audit.count_documents({}) == 1


def test_email_change_keeps_case_and_frees_the_old_email(client, ada):
    assert client.patch("/api/users/ada@example.com", json={"email": "ADA@Example.com"}).json[
        "data"
    ]["email"] == ("ADA@Example.com")
    client.patch("/api/users/ada@example.com", json={"email": "new@example.com"})
    assert client.get("/api/users/ada@example.com").status_code == 404
    assert client.post("/api/users", json=ADA).status_code == 201


def test_change_to_a_taken_email_returns_409(client, ada):
    other = client.post("/api/users", json=ADA | {"email": "b@example.com"}).json["data"]
    response = client.patch(
        f"/api/users/{other['id']}", json={"email": "ADA@example.com", "name": "New"}
    )
    assert response.status_code == 409
    assert client.get(f"/api/users/{other['id']}").json["data"] == other


def test_new_password_must_not_contain_the_users_name(client, ada, stored):
    before = stored.users.find_one()["password_hash"]
    assert (
        client.patch(f"/api/users/{ada['id']}", json={"password": "ADA LOVELACE"}).status_code
        == 400
    )
    assert (
        client.patch(
            f"/api/users/{ada['id']}", json={"name": "Bob", "password": "ada lovelace"}
        ).status_code
        == 200
    )
    assert stored.users.find_one()["password_hash"] != before


def test_same_password_set_by_another_user_is_a_change(client, ada):
    """Comparing the passwords would let the caller find out the current one."""
    assert (
        client.patch(f"/api/users/{ada['id']}", json={"password": PASSWORD}).json["data"]["version"]
        == 2
    )


def test_unknown_stored_field_is_preserved(client, ada, stored):
    stored.users.update_one({}, {"$set": {"from_the_future": 1}})
    assert client.patch(f"/api/users/{ada['id']}", json={"name": "New"}).status_code == 200
    assert client.get("/api/users").json["data"][0]["name"] == "New"
    assert stored.users.find_one()["from_the_future"] == 1


@pytest.mark.parametrize(
    ("sent", "normalized"),
    [
        ("+44 (0)20 7946 0958", "+442079460958"),
        ("+1 [555] 010.99-99", "+15550109999"),
        ("(+49) 30 123", "+4930123"),
    ],
)
def test_phone_number_is_normalized(client, ada, sent, normalized):
    assert (
        client.patch(f"/api/users/{ada['id']}", json={"phone": sent}).json["data"]["phone"]
        == normalized
    )


@pytest.mark.parametrize(
    "prefer", ["return=representation", 'wait=5, Return="Representation"; foo']
)
def test_delete_with_prefer_header_returns_the_user(client, ada, prefer):
    response = client.delete(f"/api/users/{ada['id']}", headers={"Prefer": prefer})
    assert response.status_code == 200
    assert response.json["data"] == ada | {
        "version": 2,
        "updated_at": response.json["data"]["updated_at"],
    }
    assert response.headers["ETag"] == '"2"'
    assert response.headers["Preference-Applied"] == "return=representation"


def test_is_active_can_be_set_at_creation_and_later(client, stored):
    user = client.post("/api/users", json=ADA | {"is_active": False}).json["data"]
    assert user["is_active"] is False
    assert (
        client.patch(f"/api/users/{user['id']}", json={"is_active": True}).json["data"]["is_active"]
        is True
    )


@pytest.mark.parametrize(
    ("policy", "min_length"), [("standard", 8), ("complex", 8), ("strict", 15)]
)
def test_password_policy_is_published_and_enforced(make_app, policy, min_length):
    client = make_app(password_policy=policy).test_client()
    published = client.get("/api/password-policy").json["data"]
    assert (published["policy"], published["min_length"], published["max_length"]) == (
        policy,
        min_length,
        128,
    )
    response = client.post("/api/users", json=ADA | {"password": "x" * (min_length - 1)})
    assert response.status_code == 400
    assert response.json["error"]["code"] == "password_refused"
    assert "too_short" in [detail["code"] for detail in response.json["error"]["details"]]
    assert (
        client.post("/api/users", json=ADA | {"password": "Long-enough-4-all!"}).status_code == 201
    )


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"first_name": "Ada", "last_name": "Lovelace", "username": "ada"}, "Ada Lovelace"),
        ({"first_name": "Ada", "username": "countess"}, "Ada"),
        ({"username": "countess"}, "countess"),
        ({}, "ada"),
        ({"name": None}, "ada"),
        ({"first_name": "A" * 29, "last_name": "Lovelace"}, "A" * 29),
        ({"email": "\u3164@example.com"}, "\u3164@example.com"),
    ],
)
def test_name_is_derived_when_it_is_left_out(client, stored, sent, name):
    body = {"email": ADA["email"], "password": ADA["password"]} | sent
    assert client.post("/api/users", json=body).json["data"]["name"] == name


def test_name_max_length_is_a_setting(make_app):
    client = make_app(name_max_length=40).test_client()
    assert client.post("/api/users", json=ADA | {"name": "x" * 40}).status_code == 201
    response = client.patch("/api/users/ada@example.com", json={"name": "x" * 41})
    assert response.json["error"]["details"] == [
        {"field": "name", "code": "too_long", "message": "At most 40 characters."}
    ]


def test_api_is_served_under_its_prefix(make_app):
    client = make_app(api_prefix="/v1/people").test_client()
    assert (
        client.post("/v1/people/users", json=ADA)
        .headers["Location"]
        .startswith("/v1/people/users/")
    )
    assert client.get("/api/users").status_code == 404
