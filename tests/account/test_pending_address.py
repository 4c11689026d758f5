"""A new address of one's own is in force when it is confirmed, and not before."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.services import build_services
from rollbook.settings import Settings
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import PASSWORD, build_app
from tests.harness.post import Post, read_text, read_token

OLD, NEW, OTHER = "ada@example.com", "lovelace@example.com", "other@example.com"
NEW_PASSWORD = "another row of long words"


@pytest.fixture
def ada(post, api):
    person = people.person(post.services, api, "ada", email_verified=True)
    post.deliver()
    return person


def change(person, email=NEW, **fields):
    body = {"email": email, "current_password": PASSWORD, **fields}
    return person.patch("/api/users/me", json=body)


def confirm(api, token):
    return api.post("/api/auth/verification/confirm", json={"token": token})


@pytest.fixture
def token(post, ada):
    """Of the link to the new address."""
    assert change(ada).status_code == 200
    return read_token(post.deliver_one())


def read_user(post, ada):
    return post.services.users.read_user(ada.id, actor=COMMAND_LINE)


def test_old_address_is_in_force_until_the_new_one_is_confirmed(post, api, ada, stored):
    user = change(ada).json["data"]
    assert (user["email"], user["pending_email"], user["version"]) == (OLD, NEW, 2)
    assert user["email_verified_at"] is not None
    message = post.deliver_one()
    assert message["To"] == NEW
    assert people.sign_in(api, OLD).status_code == 200
    assert people.sign_in(api, NEW).status_code == 401
    confirmed = confirm(api, read_token(message)).json["data"]
    assert (confirmed["email"], confirmed["pending_email"]) == (NEW, None)
    assert confirmed["email_verified_at"] is not None
    assert people.sign_in(api, OLD).status_code == 401
    assert people.sign_in(api, NEW).status_code == 200
    assert ada.get("/api/auth/me").status_code == 200
    notice = post.deliver_one()
    assert (notice["To"], "/account/undo?" in read_text(notice)) == (OLD, True)
    changes = [entry["changes"] for entry in stored.audit.find({"target_id": ada.id}).sort("_id")]
    assert {"pending_email": {"before": None, "after": NEW}} in changes
    assert {
        "email": {"before": OLD, "after": NEW},
        "pending_email": {"before": NEW, "after": None},
    } in changes


def test_user_is_found_by_the_new_address_after_the_confirmation(post, api, ada, token):
    boss = people.person(post.services, api, "boss", role="admin", email_verified=True)
    assert boss.get(f"/api/users/{NEW}").status_code == 404
    confirm(api, token)
    assert boss.get(f"/api/users/{NEW}").json["data"]["id"] == ada.id
    assert [user["id"] for user in boss.get("/api/users?q=lovelace").json["data"]] == [ada.id]


def test_same_address_again_sends_another_link(post, api, ada, token):
    again = change(ada)
    assert (again.status_code, again.json["data"]["version"]) == (200, 2)
    newer = read_token(post.deliver_one())
    assert confirm(api, token).status_code == 400
    assert confirm(api, newer).status_code == 200


def test_another_address_replaces_the_pending_one(post, api, ada, token):
    change(ada, OTHER)
    message = post.deliver_one()
    assert message["To"] == OTHER
    assert confirm(api, token).status_code == 400
    assert confirm(api, read_token(message)).json["data"]["email"] == OTHER


def cancel(post, api, ada):
    assert change(ada, OLD).json["data"]["pending_email"] is None


def set_password(post, api, ada):
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert ada.patch("/api/users/me", json=body).status_code == 200


def reset_password(post, api, ada):
    api.post("/api/auth/password/forgot", json={"email": OLD})
    body = {"token": read_token(post.deliver_one()), "password": NEW_PASSWORD}
    assert api.post("/api/auth/password/reset", json=body).status_code == 204


def let_admin_change_it(post, api, ada):
    patch = UserPatch.model_validate({"email": OTHER})
    post.services.changes.change_user(ada.id, patch, actor=COMMAND_LINE)


def disable(post, api, ada):
    post.services.changes.change_user(ada.id, UserPatch(is_active=False), actor=COMMAND_LINE)


@pytest.mark.parametrize(
    "end", [cancel, set_password, reset_password, let_admin_change_it, disable]
)
def test_what_ends_a_pending_address(post, api, ada, token, end):
    """A thief who asked for it must not get the account after the owner has come back."""
    end(post, api, ada)
    assert confirm(api, token).status_code == 400
    assert read_user(post, ada)["email"] != NEW


def test_address_and_password_in_one_change(post, api, ada):
    user = change(ada, password=NEW_PASSWORD).json["data"]
    assert (user["email"], user["pending_email"]) == (OLD, NEW)
    to = {message["To"]: message for message in post.deliver()}
    assert set(to) == {OLD, NEW}
    assert confirm(api, read_token(to[NEW])).json["data"]["email"] == NEW


def test_taken_address_is_refused(post, ada):
    people.add(post.services, "bob", email=NEW)
    refused = change(ada)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "email_taken")


def test_address_that_is_taken_meanwhile_is_a_conflict(post, api, ada, token):
    people.add(post.services, "bob", email=NEW)
    refused = confirm(api, token)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "email_taken")
    page = api.post("/account/verify", data={"token": token})
    assert page.status_code == 409
    post.services.deletion.purge_user(NEW, actor=COMMAND_LINE)
    assert confirm(api, token).status_code == 200


@pytest.fixture
def hidden(database, post_settings, tmp_path, stored):
    """Registering, and changing an address, must not tell who has an account."""
    changes = {"email_verification": "required", "auth_required": True}
    settings = Settings.model_validate(post_settings.model_dump() | changes)
    post = Post(tmp_path / "mail", build_services(settings))
    return post, build_app(database, settings).test_client()


@pytest.mark.parametrize("taken", [NEW, "lovelаce@example.com"])
def test_required_verification_hides_whether_it_is_taken(hidden, taken):
    post, api = hidden
    ada = people.person(post.services, api, "ada", email_verified=True)
    people.add(post.services, "bob", email=taken)
    post.deliver()
    answers = [change(ada, address) for address in (NEW, OTHER)]
    assert {each.status_code for each in answers} == {200}
    assert [message["To"] for message in post.deliver()] == [OTHER]


def test_without_verification_it_is_in_force_at_once(make_app, post, post_settings, stored):
    changes = {"email_verification": "off", "auth_required": True}
    client = make_app(mail_url=post_settings.mail_url, **changes).test_client()
    ada = people.person(post.services, client, "ada")
    user = change(ada).json["data"]
    assert (user["email"], user["pending_email"]) == (NEW, None)


def test_admins_vouch_for_their_own_address(post, api):
    boss = people.person(post.services, api, "boss", role="admin", email_verified=True)
    assert change(boss).json["data"]["pending_email"] == NEW
    user = change(boss, email_verified=True).json["data"]
    assert (user["email"], user["pending_email"]) == (NEW, None)


@pytest.mark.parametrize("method", ["patch", "put"])
@pytest.mark.parametrize("level", ["optional", "required"])
def test_users_do_not_vouch_for_their_own_address(database, post_settings, stored, level, method):
    changes = {"email_verification": level, "auth_required": True}
    settings = Settings.model_validate(post_settings.model_dump() | changes)
    api = build_app(database, settings).test_client()
    ada = people.person(build_services(settings), api, "ada", email_verified=True)
    body = {"email": NEW, "email_verified": True, "current_password": PASSWORD}
    refused = getattr(ada, method)("/api/users/me", json=body)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "forbidden")
    assert ada.get("/api/auth/me").json["data"]["email"] == OLD


def test_admins_do_not_wait_for_a_lookalike(post, api):
    boss = people.person(post.services, api, "boss", role="admin", email_verified=True)
    people.add(post.services, "bob", email="boris@example.com")
    lookalike = "b\u043eris@example.com"
    assert change(boss, lookalike).json["error"]["code"] == "email_lookalike"
    assert change(boss, lookalike, email_verified=True).status_code == 200


def test_new_password_that_ends_it_is_audited_as_such(post, api, ada, token, stored):
    set_password(post, api, ada)
    entry = stored.audit.find_one({"action": "user.password_changed", "target_id": ada.id})
    assert entry["changes"]["pending_email"] == {"before": NEW, "after": None}


def test_link_is_used_once(post, api, ada, token, database):
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: confirm(api, token).status_code, range(20)))
    assert sorted(statuses) == [200] + [400] * 19


def test_page_shows_the_pending_address(api, ada, token):
    page = api.get(f"/account/verify?token={token}")
    assert NEW in page.text
    assert api.post("/account/verify", data={"token": token}).status_code == 200
