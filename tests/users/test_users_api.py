"""Users, as a client meets them."""

from datetime import datetime
from urllib.parse import quote

import pytest
from bson import ObjectId

from tests.conftest import ADA, PASSWORD

ABSENT = ["0" * 24, "nobody@example.com", "nobody", "not a ref", "%00", "a" * 300]


def test_creating_a_user_answers_201_with_its_location(client, stored):
    answer = client.post("/api/users", json=ADA | {"username": "Ada", "phone": "+44 (20) 7946-0958"})

    assert answer.status_code == 201
    user = answer.json["data"]
    assert answer.headers["Location"] == f"/api/users/{user['id']}"
    assert client.get(answer.headers["Location"]).json["data"] == user
    assert (user["email"], user["username"], user["phone"]) == ("ada@example.com", "Ada", "+442079460958")
    assert (user["role"], user["is_active"], user["version"], user["last_login"]) == ("user", True, 1, None)
    assert datetime.fromisoformat(user["created_at"]).microsecond % 1000 == 0
    assert user["created_at"].endswith("Z")
    assert set(user) == {
        *("id", "name", "email", "username", "first_name", "last_name", "phone", "role", "is_active"),
        *("created_at", "updated_at", "last_login", "version"),
    }


def test_the_password_is_stored_as_a_tagged_hash_only(client, ada, stored):
    document = stored.users.find_one({"_id": ObjectId(ada["id"])})
    assert document["password_hash"].startswith("hmac-sha256+bcrypt$2b$04$")
    assert PASSWORD not in str(document)


@pytest.mark.parametrize(
    "email", ["ada@example.com", "ADA@example.com", "Ada@EXAMPLE.COM", "\uff21da@example.com", "ada@example\u3002com"]
)
def test_a_taken_email_is_409_in_any_spelling(client, ada, stored, email):
    answer = client.post("/api/users", json=ADA | {"email": email})
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "email_taken"
    assert answer.json["error"]["details"][0]["field"] == "email"
    assert stored.users.count_documents({}) == 1


def test_a_taken_username_is_409_in_any_case(client, stored):
    client.post("/api/users", json=ADA | {"username": "ada"})
    answer = client.post("/api/users", json=ADA | {"email": "b@example.com", "username": "ADA"})
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "username_taken"


def test_which_field_is_taken_is_told_by_the_index_not_by_the_value(client, stored):
    sly = "username_key_uniq_username@example.com"
    client.post("/api/users", json=ADA | {"email": sly})
    assert client.post("/api/users", json=ADA | {"email": sly}).json["error"]["code"] == "email_taken"


def test_users_without_a_username_do_not_collide(client, ada):
    assert client.post("/api/users", json=ADA | {"email": "b@example.com"}).status_code == 201


def test_a_user_is_read_by_id_email_and_username_in_any_spelling(client, ada):
    client.patch(f"/api/users/{ada['id']}", json={"username": "Countess"})
    for ref in (ada["id"], ada["id"].upper(), "ada@example.com", "ADA%40Example.com", "countess", "COUNTESS/"):
        answer = client.get(f"/api/users/{ref}")
        assert answer.status_code == 200, ref
        assert answer.json["data"]["id"] == ada["id"]


@pytest.mark.parametrize("email", ["a/b@example.com", "/a@example.com", "a/sessions@example.com"])
def test_an_address_with_a_slash_can_be_referred_to(client, stored, email):
    client.post("/api/users", json=ADA | {"email": email})
    assert client.get(f"/api/users/{quote(email, safe='@')}").json["data"]["email"] == email


@pytest.mark.parametrize("ref", ABSENT)
def test_an_absent_user_is_404_to_every_method(client, stored, ref):
    for answer in (
        client.get(f"/api/users/{ref}"),
        client.patch(f"/api/users/{ref}", json={"name": "X"}),
        client.patch(f"/api/users/{ref}", json={"password": PASSWORD}),
        client.put(f"/api/users/{ref}", json={"name": "X"}),
        client.delete(f"/api/users/{ref}"),
    ):
        assert answer.status_code == 404
        assert answer.json["error"]["code"] == "user_not_found"
    assert stored.users.count_documents({}) == 0


def test_me_asks_to_sign_in(client, ada):
    answer = client.get("/api/users/me")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_touches_only_what_is_sent(client, ada, method):
    filled = client.patch(
        f"/api/users/{ada['id']}", json={"username": "ada", "first_name": "Ada", "phone": "+1 555 010 9999"}
    ).json["data"]

    answer = getattr(client, method)(f"/api/users/{ada['id']}", json={"name": "Countess"})

    assert answer.status_code == 200
    changed = answer.json["data"]
    same = set(filled) - {"name", "version", "updated_at"}
    assert {name: changed[name] for name in same} == {name: filled[name] for name in same}
    assert (changed["name"], changed["version"]) == ("Countess", filled["version"] + 1)


def test_null_clears_an_optional_field_and_frees_the_username(client, ada):
    client.patch(f"/api/users/{ada['id']}", json={"username": "ada", "phone": "+15550109999"})
    cleared = client.patch(f"/api/users/{ada['id']}", json={"username": None, "phone": None}).json["data"]
    assert (cleared["username"], cleared["phone"]) == (None, None)
    assert client.get("/api/users/ada").status_code == 404
    assert client.post("/api/users", json=ADA | {"email": "b@x.org", "username": "ada"}).status_code == 201


@pytest.mark.parametrize("field", ["name", "email", "password", "is_active"])
def test_null_for_a_needed_field_is_400_and_changes_nothing(client, ada, field):
    answer = client.patch(f"/api/users/{ada['id']}", json={field: None, "first_name": "A"})
    assert answer.status_code == 400
    assert [detail["field"] for detail in answer.json["error"]["details"]] == [field]
    assert client.get(f"/api/users/{ada['id']}").json["data"] == ada


def test_a_change_that_changes_nothing_makes_no_version_and_no_entry(client, ada, stored):
    for body in ({}, {"name": ADA["name"]}, {"name": f" {ADA['name']} ", "phone": None, "is_active": True}):
        answer = client.patch(f"/api/users/{ada['id']}", json=body)
        assert answer.status_code == 200
        assert answer.json["data"] == ada
    assert stored.audit.count_documents({}) == 1


def test_the_email_can_change_its_spelling_and_frees_the_old_address(client, ada):
    assert client.patch("/api/users/ada@example.com", json={"email": "ADA@Example.com"}).json["data"]["email"] == (
        "ADA@Example.com"
    )
    client.patch("/api/users/ada@example.com", json={"email": "new@example.com"})
    assert client.get("/api/users/ada@example.com").status_code == 404
    assert client.post("/api/users", json=ADA).status_code == 201


def test_changing_to_a_taken_address_is_409_and_changes_nothing(client, ada):
    other = client.post("/api/users", json=ADA | {"email": "b@example.com"}).json["data"]
    answer = client.patch(f"/api/users/{other['id']}", json={"email": "ADA@example.com", "name": "New"})
    assert answer.status_code == 409
    assert client.get(f"/api/users/{other['id']}").json["data"] == other


def test_a_new_password_replaces_the_hash_and_is_checked_against_the_owners_names(client, ada, stored):
    before = stored.users.find_one()["password_hash"]
    assert client.patch(f"/api/users/{ada['id']}", json={"password": "ADA LOVELACE"}).status_code == 400
    assert client.patch(f"/api/users/{ada['id']}", json={"name": "Bob", "password": "ada lovelace"}).status_code == 200
    assert stored.users.find_one()["password_hash"] != before


def test_another_users_password_is_never_compared_so_the_same_one_is_a_change(client, ada):
    """Or whoever may set it could find it out."""
    assert client.patch(f"/api/users/{ada['id']}", json={"password": PASSWORD}).json["data"]["version"] == 2


def test_a_field_of_a_newer_version_is_left_alone(client, ada, stored):
    stored.users.update_one({}, {"$set": {"from_the_future": 1}})
    assert client.patch(f"/api/users/{ada['id']}", json={"name": "New"}).status_code == 200
    assert client.get("/api/users").json["data"][0]["name"] == "New"
    assert stored.users.find_one()["from_the_future"] == 1


@pytest.mark.parametrize(
    ("sent", "dialled"),
    [("+44 (0)20 7946 0958", "+442079460958"), ("+1 [555] 010.99-99", "+15550109999"), ("(+49) 30 123", "+4930123")],
)
def test_a_phone_number_is_kept_as_it_is_dialled(client, ada, sent, dialled):
    assert client.patch(f"/api/users/{ada['id']}", json={"phone": sent}).json["data"]["phone"] == dialled


@pytest.mark.parametrize("prefer", ["return=representation", 'wait=5, Return="Representation"; foo'])
def test_deleting_with_prefer_representation_answers_the_user(client, ada, prefer):
    answer = client.delete(f"/api/users/{ada['id']}", headers={"Prefer": prefer})
    assert answer.status_code == 200
    assert answer.json["data"] == ada | {"version": 2, "updated_at": answer.json["data"]["updated_at"]}
    assert answer.headers["ETag"] == '"2"'
    assert answer.headers["Preference-Applied"] == "return=representation"


def test_inactive_can_be_said_at_creation_and_later(client, stored):
    user = client.post("/api/users", json=ADA | {"is_active": False}).json["data"]
    assert user["is_active"] is False
    assert client.patch(f"/api/users/{user['id']}", json={"is_active": True}).json["data"]["is_active"] is True


@pytest.mark.parametrize(("policy", "least"), [("standard", 8), ("complex", 8), ("strict", 15)])
def test_the_password_policy_is_told_and_kept(make_app, policy, least):
    client = make_app(password_policy=policy).test_client()
    told = client.get("/api/password-policy").json["data"]
    assert (told["policy"], told["min_length"], told["max_length"]) == (policy, least, 128)
    answer = client.post("/api/users", json=ADA | {"password": "x" * (least - 1)})
    assert answer.status_code == 400
    assert answer.json["error"]["code"] == "password_refused"
    assert "too_short" in [detail["code"] for detail in answer.json["error"]["details"]]
    assert client.post("/api/users", json=ADA | {"password": "Long-enough-4-all!"}).status_code == 201


def test_a_name_is_as_long_as_the_setting_says(make_app):
    client = make_app(name_max_length=40).test_client()
    assert client.post("/api/users", json=ADA | {"name": "x" * 40}).status_code == 201
    answer = client.patch("/api/users/ada@example.com", json={"name": "x" * 41})
    assert answer.json["error"]["details"] == [
        {"field": "name", "code": "too_long", "message": "At most 40 characters."}
    ]


def test_the_api_lives_under_its_prefix(make_app):
    client = make_app(api_prefix="/v1/people").test_client()
    assert client.post("/v1/people/users", json=ADA).headers["Location"].startswith("/v1/people/users/")
    assert client.get("/api/users").status_code == 404
