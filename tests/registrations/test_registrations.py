"""EMAIL_VERIFICATION=required: a registration waits until its link is used."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit import clock
from rollbook.roles.schemas import RoleCreate
from rollbook.services import build_services
from rollbook.settings import Settings
from rollbook.storage import transactions
from rollbook.users.known_devices import get_device_key
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import build_app
from tests.harness.post import Post, read_text, read_token
from tests.registrations.requests import ADA, PROBE, register, verify


def test_link_creates_the_user(post, api, stored):
    response = register(api)
    assert (response.status_code, response.json["data"]) == (202, None)
    assert "Location" not in response.headers
    message = post.deliver_one()
    assert message["Subject"] == "Bestätigen Sie Ihre Registrierung"
    assert stored.users.count_documents({}) == 1
    token = read_token(message)
    page = api.get(f"/account/verify?token={token}").text
    assert ADA["email"] in page
    assert "127.0.0.1" in page  # Who registered knows the password.
    assert 'action="verify"' in page
    verified = verify(api, token)
    assert verified.status_code == 200
    user = verified.json["data"]
    assert (user["username"], user["version"]) == ("ada", 1)
    assert user["email_verified_at"] is not None
    assert people.sign_in(api, ADA["email"]).status_code == 200
    entries = list(stored.audit.find({"target_id": user["id"]}).sort("_id"))
    assert [entry["action"] for entry in entries] == [
        "user.registration_requested",
        "auth.link_issued",
        "user.created",
        "auth.login_succeeded",
    ]
    assert (entries[0]["actor_type"], entries[0]["ip"]) == ("anonymous", "127.0.0.1")
    assert stored.registrations.count_documents({}) == 0
    assert verify(api, token).status_code == 400
    assert post.deliver() == []


def test_link_creates_one_user(post, api, stored):
    register(api)
    token = read_token(post.deliver_one())
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: verify(api, token).status_code, range(20)))
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 400, 409}
    assert stored.users.count_documents({"email_key": ADA["email"]}) == 1


def test_first_link_that_is_used_counts(post, api):
    """Each registration has its own link, so that nobody confirms the password of another."""
    register(api, password=PROBE, username="prober")
    register(api)
    probers, own = [read_token(message) for message in post.deliver()]
    assert verify(api, own).status_code == 200
    assert verify(api, probers).status_code == 400
    assert people.sign_in(api, ADA["email"], PROBE).status_code == 401
    assert people.sign_in(api, ADA["email"]).status_code == 200


def test_registration_gets_another_link(post, api):
    register(api)
    first = read_token(post.deliver_one())
    assert api.post("/api/auth/verification", json={"email": ADA["email"]}).status_code == 202
    message = post.deliver_one()
    assert message["Subject"] == "Bestätigen Sie Ihre Registrierung"
    assert verify(api, first).status_code == 400
    assert verify(api, read_token(message)).status_code == 200


def test_address_that_an_admin_adds_meanwhile(post, api):
    register(api)
    token = read_token(post.deliver_one())
    people.add(post.services, "ada", username="other")
    refused = verify(api, token)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "email_taken")
    post.services.deletion.delete_user(ADA["email"], actor=COMMAND_LINE)
    assert verify(api, token).status_code == 200


def test_message_says_where_the_registration_is_from(post, api):
    register(api, locale=None)
    assert "from the IP address 127.0.0.1" in read_text(post.deliver_one())
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    api.post("/api/auth/verification", json={"email": ADA["email"]}, environ_base=elsewhere)
    again = read_text(post.deliver_one())
    assert "from the IP address 127.0.0.1" in again
    assert clock.now().strftime("%Y-%m-%d") in again


def test_device_of_the_link_is_the_known_one(post, api, stored):
    register(api, headers={"User-Agent": "Prober/1"})
    token = read_token(post.deliver_one())
    verify(api, token)
    known = stored.users.find_one({"email_key": ADA["email"]})["known_devices"]
    assert get_device_key("Prober/1") not in known


def test_closed_registration_ends_what_waits(database, required, post, api):
    register(api)
    token = read_token(post.deliver_one())
    closed = build_app(database, required, registration="closed").test_client()
    assert verify(closed, token).json["error"]["code"] == "registration_closed"
    refused = closed.post("/account/verify", data={"token": token})
    assert (refused.status_code, "Registration is closed" in refused.text) == (403, True)
    assert verify(api, token).status_code == 200


@pytest.mark.parametrize("supports", [True, False], ids=["transactions", "standalone"])
def test_same_username_in_two_registrations(post, api, monkeypatch, supports):
    monkeypatch.setattr(transactions, "_supports_transactions", lambda _: supports)
    register(api)
    register(api, email="bob@example.com")
    tokens = [read_token(message) for message in post.deliver()]
    with ThreadPoolExecutor(2) as pool:
        users = list(pool.map(lambda token: verify(api, token).json["data"], tokens))
    assert {user["username"] for user in users} == {"ada", None}


def test_expired_registration_creates_nobody(post, api, stored):
    register(api)
    token = read_token(post.deliver_one())
    past = clock.now() - timedelta(seconds=1)
    stored.registrations.update_many({}, {"$set": {"expires_at": past}})
    assert verify(api, token).status_code == 400
    assert people.sign_in(api, ADA["email"]).status_code == 401


def test_caller_with_other_rights_registers_like_everybody(post, api, stored):
    role = RoleCreate(name="setter", permissions=["users:set_role", "users:update"])
    post.services.roles.create_role(role, actor=COMMAND_LINE)
    carol = people.person(post.services, api, "carol", role="setter", email_verified=True)
    for change in ({"role": "admin"}, {"role": "nothing"}, {"external_id": "x"}):
        assert carol.post("/api/users", json=ADA | change).status_code == 403
    assert carol.post("/api/users", json=ADA).status_code == 202


def test_username_that_is_taken_meanwhile_is_left_out(post, api):
    register(api)
    token = read_token(post.deliver_one())
    people.add(post.services, "ada", email="other@example.com")
    assert verify(api, token).json["data"]["username"] is None


@pytest.mark.parametrize("change", [{"role": "admin"}, {"password": "short"}, {"email": "x"}])
def test_bad_registration_is_refused_at_once(post, api, stored, change):
    assert register(api, **change).status_code in (400, 403)
    assert stored.mail.count_documents({"kind": "registration"}) == 0


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
    people.add(post.services, "ada")
    post.deliver()
    api.post("/api/auth/password/forgot", json={"email": ADA["email"]})
    body = {"token": read_token(post.deliver_one()), "password": "another row of long words"}
    assert api.post("/api/auth/password/reset", json=body).status_code == 204
    assert people.sign_in(api, ADA["email"], body["password"]).status_code == 200


def test_link_to_sign_in_verifies_too(database, required, tmp_path, post, stored):
    settings = required.model_copy(update={"sign_in_links": True, "link_url": "http://x/#{token}"})
    api = build_app(database, settings).test_client()
    post = Post(tmp_path / "mail", build_services(settings))
    people.add(post.services, "ada")
    post.deliver()
    api.post("/api/auth/link", json={"email": ADA["email"]})
    token = read_text(post.deliver_one()).split("http://x/#")[1].split()[0]
    signed_in = api.post("/api/auth/link/confirm", json={"token": token}).json["data"]["user"]
    assert signed_in["email_verified_at"] is not None
    assert signed_in["version"] == 2
    entry = stored.audit.find_one({"action": "auth.login_succeeded"}, sort=[("_id", -1)])
    assert entry["changes"]["email_verified"] == {"before": False, "after": True}
    assert people.sign_in(api, ADA["email"]).status_code == 401  # The owner did not set it.


def test_account_whose_address_an_admin_changes_is_not_verified(post, api):
    people.add(post.services, "ada", email_verified=True)
    patch = UserPatch.model_validate({"email": "lovelace@example.com"})
    post.services.changes.change_user("ada", patch, actor=COMMAND_LINE)
    assert people.sign_in(api, "lovelace@example.com").status_code == 403


def test_production_without_mail_does_not_start(required):
    changes = {"environment": "production", "mail_url": None, "bcrypt_rounds": 12}
    with pytest.raises(ValueError, match="EMAIL_VERIFICATION: `required` needs MAIL_URL"):
        Settings.model_validate(required.model_dump() | changes)
