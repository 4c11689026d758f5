"""Who gets a link to verify an address, and what it does."""

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import ADA, PASSWORD
from tests.harness.post import read_link, read_text, read_token

ADA_ADDRESS = "ada@example.com"


@pytest.fixture
def admin(post, api):
    return people.person(post.services, api, "boss", role="admin", email_verified=True)


def request_link(api, email):
    return api.post("/api/auth/verification", json={"email": email})


def confirm(api, token):
    return api.post("/api/auth/verification/confirm", json={"token": token})


def test_registration_sends_a_link_that_verifies(post, api, admin, stored):
    created = api.post("/api/users", json=ADA, headers={"Accept-Language": "fr-CH, en;q=0.5"})
    assert created.json["data"]["email_verified_at"] is None
    message = post.deliver_one()
    assert (message["To"], message["Content-Language"]) == (ADA_ADDRESS, "fr")
    assert read_link(message).startswith("https://users.house.org/account/verify?token=")
    confirmed = confirm(api, read_token(message))
    assert confirmed.json["data"]["email_verified_at"] is not None
    assert confirmed.json["data"]["version"] == 2
    entry = stored.audit.find_one({"action": "user.email_verified"})
    assert (entry["actor_type"], entry["actor_id"]) == ("user", created.json["data"]["id"])
    assert entry["changes"] == {"email_verified": {"before": False, "after": True}}


@pytest.mark.parametrize(
    ("changes", "sent"),
    [
        ({}, 1),
        ({"email_verified": True}, 0),
        ({"is_active": False}, 0),
        ({"id": "665f1c2ab8e4d90012a3b4c5"}, 0),
    ],
)
def test_created_user_gets_a_link_unless_it_is_needless(post, admin, changes, sent):
    assert admin.post("/api/users", json=ADA | changes).status_code == 201
    assert len(post.deliver()) == sent


def test_who_registers_cannot_be_verified_at_once(api, admin):
    refused = api.post("/api/users", json=ADA | {"email_verified": True})
    assert refused.status_code == 403


def test_without_verification_nothing_is_sent_by_itself(make_app, post, post_settings, stored):
    changes = {"email_verification": "off", "auth_required": False}
    client = make_app(**{"mail_url": post_settings.mail_url, **changes}).test_client()
    client.post("/api/users", json=ADA)
    assert post.deliver() == []
    assert request_link(client, ADA_ADDRESS).status_code == 202
    assert len(post.deliver()) == 1


def test_only_an_unverified_address_gets_another_link(post, api, admin):
    people.add(post.services, "ada")
    first = read_token(post.deliver_one())
    assert request_link(api, "ADA@EXAMPLE.com").status_code == 202
    second = read_token(post.deliver_one())
    assert confirm(api, first).status_code == 400
    assert confirm(api, second).status_code == 200
    for address in (ADA_ADDRESS, "nobody@example.com"):
        assert request_link(api, address).status_code == 202
    assert post.deliver() == []


def test_address_of_an_admin_has_to_be_verified(post, api, admin):
    ada = people.person(post.services, api, "ada", email_verified=True)
    changed = admin.patch(f"/api/users/{ada.id}", json={"email": "lovelace@example.com"})
    assert changed.json["data"]["email_verified_at"] is None
    messages = {message["To"]: message for message in post.deliver()}
    assert confirm(api, read_token(messages["lovelace@example.com"])).status_code == 200
    spelled = {"email": "Lovelace@Example.com", "current_password": PASSWORD}
    user = ada.patch("/api/users/me", json=spelled).json["data"]
    assert (user["email"], user["pending_email"]) == ("Lovelace@Example.com", None)
    assert user["email_verified_at"] is not None


def test_admin_sets_and_clears_verified(post, api, admin):
    ada = people.person(post.services, api, "ada")
    path = f"/api/users/{ada.id}"
    assert ada.patch(path, json={"email_verified": True}).status_code == 403
    user = admin.patch(path, json={"email_verified": True}).json["data"]
    assert user["email_verified_at"] == user["updated_at"]
    again = admin.patch(path, json={"email_verified": True}).json["data"]
    assert again["version"] == user["version"]
    listed = admin.get("/api/users?email_verified=true&sort=email").json["data"]
    assert [each["email"] for each in listed] == [ADA_ADDRESS, "boss@example.com"]
    cleared = admin.patch(path, json={"email_verified": False}).json["data"]
    assert cleared["email_verified_at"] is None
    listed = admin.get("/api/users?email_verified=false").json["data"]
    assert [each["email"] for each in listed] == [ADA_ADDRESS]


def test_user_of_an_earlier_version_is_not_verified(post, admin, stored):
    ada = people.add(post.services, "ada")
    stored.users.update_one({"email": ADA_ADDRESS}, {"$unset": {"email_verified": ""}})
    listed = admin.get("/api/users?email_verified=false").json["data"]
    assert [each["id"] for each in listed] == [ada["id"]]
    unchanged = admin.patch(f"/api/users/{ada['id']}", json={"email_verified": False})
    assert unchanged.json["data"]["version"] == 1


def test_users_own_language_wins(post, admin):
    admin.post("/api/users", json=ADA | {"locale": "es-MX"}, headers={"Accept-Language": "de"})
    message = post.deliver_one()
    assert message["Content-Language"] == "es"
    assert "Confirme que" in read_text(message)


@pytest.mark.parametrize("locale", ["", "e", "english-language", "de_AT", "de-", "xx\r\nBcc: y"])
def test_locale_is_a_language_tag(admin, locale):
    assert admin.post("/api/users", json=ADA | {"locale": locale}).status_code == 400


def test_without_mail_the_routes_say_so(make_app):
    client = make_app(
        environment="production",
        bcrypt_rounds=10,
        mail_url=None,
    ).test_client()
    for path in ("verification", "password/forgot"):
        refused = client.post(f"/api/auth/{path}", json={"email": ADA_ADDRESS})
        assert (refused.status_code, refused.json["error"]["code"]) == (503, "mail_not_configured")


def test_first_admin_counts_as_verified(post, stored):
    services = post.services
    services.first_admin.create_default(services.length_limits)
    assert stored.users.find_one()["email_verified"] is True


def test_disabled_user_gets_nothing_until_enabled(post, api):
    ada = people.add(post.services, "ada")
    post.deliver()
    change = post.services.changes.change_user
    change(ada["id"], UserPatch(is_active=False), actor=COMMAND_LINE)
    post.deliver()
    request_link(api, ADA_ADDRESS)
    assert post.deliver() == []
    change(ada["id"], UserPatch(is_active=True), actor=COMMAND_LINE)
    request_link(api, ADA_ADDRESS)
    assert len(post.deliver()) == 1


def test_admin_sets_address_and_verified_together(post, admin):
    ada = people.add(post.services, "ada", email_verified=True)
    both = {"email": "lovelace@example.com", "email_verified": True}
    user = admin.patch(f"/api/users/{ada['id']}", json=both).json["data"]
    assert user["email_verified_at"] is not None
    assert [message["To"] for message in post.deliver()] == [ADA_ADDRESS]
