"""EMAIL_VERIFICATION=required: registering does not tell who has an account."""

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.services import build_services
from rollbook.settings import Settings
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import PASSWORD, build_app
from tests.harness.post import Post, read_text, read_token

ADA = {"email": "ada@example.com", "password": PASSWORD, "username": "ada", "locale": "de"}


@pytest.fixture
def required(post_settings):
    changes = {"email_verification": "required", "auth_required": True}
    return Settings.model_validate(post_settings.model_dump() | changes)


@pytest.fixture
def post(required, tmp_path, stored):
    """With an admin, without whom nobody may register."""
    post = Post(tmp_path / "mail", build_services(required))
    people.add(post.services, "root", role="admin", email_verified=True)
    return post


@pytest.fixture
def api(database, required, post):
    return build_app(database, required).test_client()


def register(api, headers=None, **changes):
    return api.post("/api/users", json=ADA | changes, headers=headers)


def verify(api, token):
    return api.post("/api/auth/verification/confirm", json={"token": token})


def test_user_signs_in_after_the_verification(post, api, stored):
    response = register(api)
    assert (response.status_code, response.json["data"]) == (202, None)
    assert "Location" not in response.headers
    message = post.deliver_one()
    assert message["Subject"] == "Bestätigen Sie Ihre E-Mail-Adresse"
    refused = people.sign_in(api, ADA["email"])
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "email_unverified")
    assert people.sign_in(api, ADA["email"], "wrong").status_code == 401
    assert verify(api, read_token(message)).status_code == 200
    signed_in = people.sign_in(api, ADA["email"]).json["data"]
    assert signed_in["user"]["username"] == "ada"
    entries = list(stored.audit.find({"target_id": signed_in["user"]["id"]}).sort("_id"))
    assert [entry["action"] for entry in entries] == [
        "user.created",
        "auth.link_issued",
        "auth.login_failed",
        "auth.login_failed",
        "user.email_verified",
        "auth.login_succeeded",
    ]
    assert (entries[0]["actor_type"], entries[0]["ip"]) == ("anonymous", "127.0.0.1")
    assert stored.mail.find_one({"kind": "registration"}) is None


def test_owner_of_a_taken_address_is_told(post, api, stored):
    people.add(post.services, "ada", email_verified=True)
    new = register(api, email="bob@example.com", username="bob")
    taken = register(api, email="ADA@example.com", username="other")
    assert new.json == taken.json
    assert stored.users.count_documents({}) == 2
    subjects = {message["To"]: message["Subject"] for message in post.deliver()}
    assert subjects == {
        "ada@example.com": "You have an account already",
        "bob@example.com": "Bestätigen Sie Ihre E-Mail-Adresse",
    }
    assert people.sign_in(api, "other").status_code == 401


def test_second_registration_changes_nothing(post, api, stored):
    register(api)
    register(api, password="another row of long words", username="other")
    assert len(post.deliver()) == 2
    assert stored.users.count_documents({"email_key": "ada@example.com"}) == 1
    assert people.sign_in(api, ADA["email"], "another row of long words").status_code == 401
    assert people.sign_in(api, ADA["email"]).status_code == 403


def test_taken_username_is_refused_for_every_address(post, api):
    people.add(post.services, "ada")
    answers = [register(api, email=f"{name}@example.com") for name in ("ada", "new")]
    assert {each.status_code for each in answers} == {409}
    assert {each.json["error"]["code"] for each in answers} == {"username_taken"}
    assert [message["Subject"] for message in post.deliver()] == ["Confirm your e-mail address"]


def test_username_that_is_taken_meanwhile_is_left_out(post, api, stored):
    register(api)
    people.add(post.services, "ada", email="other@example.com")
    post.deliver()
    assert "username" not in stored.users.find_one({"email_key": "ada@example.com"})


def test_lookalike_is_dropped(post, api, stored):
    people.add(post.services, "ada")
    post.deliver()
    register(api, email="аda@example.com", username="other")
    assert post.deliver() == []
    assert stored.users.count_documents({}) == 2


@pytest.mark.parametrize("change", [{"role": "admin"}, {"password": "short"}, {"email": "x"}])
def test_bad_registration_is_refused_at_once(post, api, stored, change):
    assert register(api, **change).status_code in (400, 403)
    assert stored.mail.count_documents({"kind": "registration"}) == 0


def test_sixth_registration_of_an_address_is_dropped(database, required, tmp_path, post, stored):
    settings = required.model_copy(
        update={"ratelimit_enabled": True, "ratelimit_registration": "100/minute"}
    )
    api = build_app(database, settings).test_client()
    post = Post(tmp_path / "mail", build_services(settings))
    assert {register(api).status_code for _ in range(6)} == {202}
    assert len(post.deliver()) == 5


def test_repeated_request_is_replayed(post, api):
    headers = {"Idempotency-Key": "once"}
    first, second = register(api, headers), register(api, headers)
    assert (first.status_code, first.json) == (202, second.json)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(post.deliver()) == 1


def test_user_of_an_admin_gets_a_link_too(post, api):
    root = people.Person("", "", api, people.sign_in(api, "root@example.com").json["data"])
    assert root.post("/api/users", json=ADA).status_code == 201
    assert people.sign_in(api, ADA["email"]).status_code == 403
    assert verify(api, read_token(post.deliver_one())).status_code == 200
    assert people.sign_in(api, ADA["email"]).status_code == 200


def test_reset_verifies_too(post, api):
    register(api)
    post.deliver()
    api.post("/api/auth/password/forgot", json={"email": ADA["email"]})
    body = {"token": read_token(post.deliver_one()), "password": "another row of long words"}
    assert api.post("/api/auth/password/reset", json=body).status_code == 204
    assert people.sign_in(api, ADA["email"], body["password"]).status_code == 200


def test_link_to_sign_in_verifies_too(database, required, tmp_path, post, stored):
    settings = required.model_copy(update={"sign_in_links": True, "link_url": "http://x/#{token}"})
    api = build_app(database, settings).test_client()
    post = Post(tmp_path / "mail", build_services(settings))
    register(api)
    post.deliver()
    api.post("/api/auth/link", json={"email": ADA["email"]})
    token = read_text(post.deliver_one()).split("http://x/#")[1].split()[0]
    signed_in = api.post("/api/auth/link/confirm", json={"token": token}).json["data"]["user"]
    assert signed_in["email_verified_at"] is not None
    assert signed_in["version"] == 2
    entry = stored.audit.find_one({"action": "auth.login_succeeded"}, sort=[("_id", -1)])
    assert entry["changes"]["email_verified"] == {"before": False, "after": True}
    assert people.sign_in(api, ADA["email"]).status_code == 200


def test_account_whose_address_an_admin_changes_is_not_verified(post, api):
    people.add(post.services, "ada", email_verified=True)
    patch = UserPatch.model_validate({"email": "lovelace@example.com"})
    post.services.changes.change_user("ada", patch, actor=COMMAND_LINE)
    assert people.sign_in(api, "lovelace@example.com").status_code == 403


def test_production_without_mail_does_not_start(required):
    changes = {"environment": "production", "mail_url": None, "bcrypt_rounds": 12}
    with pytest.raises(ValueError, match="EMAIL_VERIFICATION: `required` needs MAIL_URL"):
        Settings.model_validate(required.model_dump() | changes)
