"""The former address gets a link that puts it back, and that a thief cannot take away."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.storage import transactions
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import PASSWORD
from tests.harness.post import read_text, read_token

ADDRESS, STOLEN, FURTHER = "ada@example.com", "thief@example.com", "further@example.com"


@pytest.fixture
def ada(post, api):
    person = people.person(post.services, api, "ada", email_verified=True)
    post.deliver()
    return person


def change(post, person, email):
    """Change the address of a person, who confirms it. The messages about that wait."""
    body = {"email": email, "current_password": PASSWORD}
    assert person.patch("/api/users/me", json=body).status_code == 200
    body = {"token": read_token(post.deliver_one())}
    confirmed = person.client.post("/api/auth/verification/confirm", json=body)
    assert confirmed.json["data"]["email"] == email


def deliver(post):
    """The new messages by recipient and the beginning of the subject."""
    return {(m["To"], m["Subject"].split()[0]): m for m in post.deliver()}


def undo(api, token):
    return api.post("/api/auth/email/undo", json={"token": token})


@pytest.fixture
def messages(post, ada):
    """Of a change of the address."""
    change(post, ada, STOLEN)
    return deliver(post)


@pytest.fixture
def token(messages):
    """Of the message to the former address."""
    return read_token(messages[ADDRESS, "Your"])


@pytest.fixture
def thief(post, ada, messages):
    """The token of the thief, who changes the stolen address again."""
    change(post, ada, FURTHER)
    return read_token(deliver(post)[STOLEN, "Your"])


def read_user(post, ada):
    return post.services.users.read_user(ada.id, actor=COMMAND_LINE)


def test_former_address_comes_back(post, api, ada, token, stored):
    assert undo(api, token).status_code == 204
    user = read_user(post, ada)
    assert (user["email"], user["email_verified"]) == (ADDRESS, True)
    assert ada.get("/api/auth/me").status_code == 401
    messages = deliver(post)
    assert set(messages) == {(ADDRESS, "Set")}
    assert stored.audit.find_one({"action": "user.email_restored"})["target_id"] == ada.id
    reset = {"token": read_token(messages[ADDRESS, "Set"]), "password": "a new row of words"}
    assert api.post("/api/auth/password/reset", json=reset).status_code == 204
    assert undo(api, token).status_code == 400


def test_link_is_used_once(api, token):
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: undo(api, token).status_code, range(20)))
    assert sorted(statuses) == [204] + [400] * 19


def test_further_changes_do_not_take_the_link_away(post, api, ada, token, thief):
    assert undo(api, thief).status_code == 204
    assert read_user(post, ada)["email"] == STOLEN
    assert undo(api, token).status_code == 204
    assert read_user(post, ada)["email"] == ADDRESS


def test_undo_ends_later_links(post, api, token, thief):
    api.post("/api/auth/password/forgot", json={"email": FURTHER})
    reset = read_token(post.deliver_one())
    assert undo(api, token).status_code == 204
    assert undo(api, thief).status_code == 400
    body = {"token": reset, "password": "a new row of words"}
    assert api.post("/api/auth/password/reset", json=body).status_code == 400


def test_undo_ends_links_that_wait(post, api, ada, token):
    """The mail server was away, so the message to the thief has no link yet."""
    change(post, ada, FURTHER)
    assert undo(api, token).status_code == 204
    assert set(deliver(post)) == {(ADDRESS, "Set")}


def test_taken_address_is_a_conflict_and_loses_nothing(post, api, token):
    people.add(post.services, "other", email=ADDRESS)
    refused = undo(api, token)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "email_taken")
    page = api.post("/account/undo", data={"token": token})
    assert page.status_code == 409
    assert "This address is taken" in page.text
    post.services.deletion.purge_user(ADDRESS, actor=COMMAND_LINE)
    assert undo(api, token).status_code == 204


def test_conflict_without_transactions_loses_nothing(post, api, token, monkeypatch):
    monkeypatch.setattr(transactions, "_supports_transactions", lambda _: False)
    test_taken_address_is_a_conflict_and_loses_nothing(post, api, token)


def test_page_shows_the_former_address(api, post, ada, token):
    page = api.get(f"/account/undo?token={token}")
    assert ADDRESS in page.text
    assert STOLEN not in page.text
    assert api.post("/account/undo", data={"token": token}).status_code == 200
    assert read_user(post, ada)["email"] == ADDRESS


def test_address_that_was_never_verified_gets_nothing(post, api):
    """It may be a stranger's, by a slip at the registration."""
    person = people.person(post.services, api, "ada")
    post.deliver()
    change(post, person, STOLEN)
    assert post.deliver() == []


def test_change_by_an_admin_has_no_link(post, ada):
    patch = UserPatch.model_validate({"email": STOLEN})
    post.services.changes.change_user(ada.id, patch, actor=COMMAND_LINE)
    message = deliver(post)[ADDRESS, "Your"]
    assert "http" not in read_text(message)


@pytest.mark.parametrize("purpose", ["verification/confirm", "password/reset"])
def test_link_is_for_nothing_else(api, token, purpose):
    body = {"token": token, **({"password": "a new row of words"} if "reset" in purpose else {})}
    refused = api.post(f"/api/auth/{purpose}", json=body)
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "invalid_token")


@pytest.mark.parametrize("delivers", [True, False])
def test_former_address_hears_of_a_deletion(post, ada, delivers):
    """The thief deletes the account, before or after the link has been sent."""
    change(post, ada, STOLEN)
    if delivers:
        post.deliver()
    assert ada.delete("/api/users/me").status_code == 204
    told = [(message["To"], message["Subject"]) for message in post.deliver()]
    subject = "Your account was deleted"
    assert sorted(told) == [(ADDRESS, subject), (STOLEN, subject)]


def test_disabled_or_deleted_user_gets_nothing_back(post, api, ada, token):
    disabled = UserPatch(is_active=False)
    post.services.changes.change_user(ada.id, disabled, actor=COMMAND_LINE)
    assert undo(api, token).status_code == 400
    post.services.changes.change_user(ada.id, UserPatch(is_active=True), actor=COMMAND_LINE)
    post.services.deletion.delete_user(ada.id, actor=COMMAND_LINE)
    assert undo(api, token).status_code == 400


def test_notice_of_a_changed_address_can_be_switched_off(make_app, post, post_settings, stored):
    changes = {"notify_email_changed": False, "email_verification": "off"}
    client = make_app(mail_url=post_settings.mail_url, **changes).test_client()
    user = people.add(post.services, "ada", email_verified=True)
    assert client.patch(f"/api/users/{user['id']}", json={"email": STOLEN}).status_code == 200
    assert post.deliver() == []
