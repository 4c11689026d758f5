"""Users change and delete their own account, with proof that it is theirs."""

from datetime import timedelta

import pytest

from rollbook.kit import clock
from tests import people
from tests.conftest import PASSWORD

NEW = "another row of long words"


@pytest.fixture
def ada(services, guarded):
    return people.person(services, guarded, "ada")


@pytest.mark.parametrize("change", [{"password": NEW}, {"email": "new@example.com"}])
def test_own_credentials_need_the_current_password(ada, stored, change):
    missing = ada.patch("/api/users/me", json=change)
    assert (missing.status_code, missing.json["error"]["code"]) == (400, "current_password_needed")
    assert missing.json["error"]["details"][0]["field"] == "current_password"
    wrong = ada.patch("/api/users/me", json=change | {"current_password": "x" * 200})
    assert (wrong.status_code, wrong.json["error"]["code"]) == (403, "wrong_password")
    assert stored.users.find_one({"username": "ada"})["version"] == 1
    right = ada.patch("/api/users/me", json=change | {"current_password": PASSWORD})
    assert right.status_code == 200
    assert right.json["data"]["version"] == 2


def test_admin_needs_current_password_for_own_account(services, guarded, stored):
    admin = people.person(services, guarded, "admin", role="admin")
    assert admin.patch("/api/users/me", json={"password": NEW}).status_code == 400


def test_new_password_ends_all_other_sessions(ada, guarded):
    other = people.sign_in(guarded, ada.email).json["data"]
    assert (
        ada.patch("/api/users/me", json={"password": NEW, "current_password": PASSWORD}).status_code
        == 200
    )
    assert ada.get("/api/auth/me").status_code == 200
    refresh = {"refresh_token": other["refresh_token"]}
    assert guarded.post("/api/auth/refresh", json=refresh).status_code == 401
    assert people.sign_in(guarded, ada.email).status_code == 401
    assert people.sign_in(guarded, ada.email, NEW).status_code == 200


def test_new_email_keeps_all_sessions(ada, guarded):
    other = people.sign_in(guarded, ada.email).json["data"]
    change = {"email": "new@example.com", "current_password": PASSWORD}
    assert ada.patch("/api/users/me", json=change).status_code == 200
    assert (
        guarded.post(
            "/api/auth/refresh", json={"refresh_token": other["refresh_token"]}
        ).status_code
        == 200
    )


def test_put_of_unchanged_fields_changes_nothing(ada):
    me = ada.get("/api/users/me").json["data"]
    sendable = (
        "name",
        "email",
        "username",
        "first_name",
        "last_name",
        "phone",
        "role",
        "is_active",
    )
    response = ada.put("/api/users/me", json={field: me[field] for field in sendable})
    assert response.status_code == 200
    assert response.json["data"] == me


def test_registration_grants_only_the_user_role(guarded, services, stored):
    people.add(services, "root", role="admin")
    new = {"name": "New", "email": "new@example.com", "password": PASSWORD}
    assert guarded.post("/api/users", json=new).json["data"]["role"] == "user"
    for extra in ({"role": "admin"}, {"role": "moderator"}, {"is_active": False}):
        response = guarded.post("/api/users", json=new | {"email": "more@example.com"} | extra)
        assert (response.status_code, response.json["error"]["code"]) == (403, "forbidden")
    for hidden in (
        "permissions",
        "version",
        "password_hash",
        "known_addresses",
        "known_devices",
        "current_password",
    ):
        assert guarded.post("/api/users", json=new | {hidden: 1}).status_code == 400
    assert stored.users.count_documents({}) == 2


def test_closed_registration_still_allows_admins(services, make_app, stored):
    client = make_app(auth_required=True, registration="closed").test_client()
    new = {"name": "New", "email": "new@example.com", "password": PASSWORD}
    user = people.person(services, client, "ada")
    admin = people.person(services, client, "admin", role="admin")
    for send in (client.post, user.post):
        response = send("/api/users", json=new)
        assert (response.status_code, response.json["error"]["code"]) == (
            403,
            "registration_closed",
        )
    assert admin.post("/api/users", json=new | {"role": "moderator"}).status_code == 201


def test_own_deletion_needs_password_or_recent_sign_in(ada, stored):
    """A stolen token must not be enough to delete its owner."""
    stored.sessions.update_many({}, {"$set": {"created_at": clock.now() - timedelta(minutes=6)}})
    for query in ("", "?purge=true"):
        response = ada.delete(f"/api/users/me{query}")
        assert response.json["error"]["code"] == ("forbidden" if query else "recent_sign_in_needed")
    wrong = ada.delete("/api/users/me", json={"current_password": "a guess"})
    assert (wrong.status_code, wrong.json["error"]["code"]) == (403, "wrong_password")
    assert (
        ada.delete("/api/users/me", json={"current_password": PASSWORD, "more": 1}).status_code
        == 400
    )
    assert stored.users.find_one({"username": "ada"})["is_deleted"] is False
    assert ada.delete("/api/users/me", json={"current_password": PASSWORD}).status_code == 204


def test_own_purge_needs_password_or_recent_sign_in(services, guarded, stored):
    people.add(services, "first", role="admin")
    admin = people.person(services, guarded, "admin", role="admin")
    stored.sessions.update_many({}, {"$set": {"created_at": clock.now() - timedelta(minutes=6)}})
    assert admin.delete("/api/users/me?purge=true").json["error"]["code"] == "recent_sign_in_needed"
    proof = {"current_password": PASSWORD}
    assert admin.delete("/api/users/me?purge=true", json=proof).status_code == 204


def test_own_deletion_after_sign_in_ends_all_sessions(ada, guarded, stored):
    assert ada.delete("/api/users/me").status_code == 204
    assert ada.get("/api/auth/me").status_code == 401
    assert stored.sessions.count_documents({}) == 0


def test_forbidden_read_does_not_reveal_if_a_user_exists(ada, services, guarded):
    people.add(services, "bob")
    responses = [
        ada.get(f"/api/users/{ref}")
        for ref in (
            "bob@example.com",
            "bob",
            "nobody@example.com",
            "nobody",
            "0" * 24,
            "no reference",
            "a" * 300,
            "%00",
        )
    ]
    assert {response.status_code for response in responses} == {403}
    assert len({response.json["message"] for response in responses}) == 1
    for own in ("me", ada.id, ada.id.upper(), "ADA@example.com", "Ada"):
        assert ada.get(f"/api/users/{own}").status_code == 200


def test_setting_the_same_password_keeps_all_sessions(ada, guarded, stored):
    other = people.sign_in(guarded, ada.email).json["data"]
    same = {"password": PASSWORD, "current_password": PASSWORD}
    assert ada.patch("/api/users/me", json=same).json["data"]["version"] == 1
    assert (
        guarded.post(
            "/api/auth/refresh", json={"refresh_token": other["refresh_token"]}
        ).status_code
        == 200
    )


def test_wrong_current_password_is_in_the_audit_log(ada, stored):
    ada.patch("/api/users/me", json={"password": NEW, "current_password": "a guess"})
    entry = stored.audit.find_one({"action": "auth.password_refused"})
    assert (entry["actor_id"], entry["target_id"], entry["changes"]) == (ada.id, ada.id, {})
