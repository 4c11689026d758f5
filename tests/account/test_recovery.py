"""A forgotten password: a link in a message, a new password, and what that ends."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit import clock
from rollbook.services import build_services
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import PASSWORD, build_app
from tests.harness.post import Post, read_link, read_token

NEW = "another row of long words"
ADDRESS = "ada@example.com"


@pytest.fixture
def ada(post, api):
    person = people.person(post.services, api, "ada")
    post.deliver()
    return person


@pytest.fixture
def token(post, api, ada):
    """Of the link that Ada has asked for."""
    forget(api, ADDRESS)
    return read_token(post.deliver_one())


def forget(api, email, **headers):
    return api.post("/api/auth/password/forgot", json={"email": email}, headers=headers)


def reset(api, token, password=NEW):
    return api.post("/api/auth/password/reset", json={"token": token, "password": password})


def test_link_sets_a_new_password_and_ends_sessions(post, api, ada, stored):
    assert forget(api, "ADA@example.com").status_code == 202
    token = read_token(post.deliver_one())
    assert reset(api, token).status_code == 204
    assert ada.get("/api/auth/me").status_code == 401
    assert people.sign_in(api, ADDRESS, PASSWORD).status_code == 401
    signed_in = people.sign_in(api, ADDRESS, NEW).json["data"]
    assert signed_in["user"]["email_verified_at"] is not None
    assert post.deliver_one()["Subject"] == "Your password was changed"
    actions = [entry["action"] for entry in stored.audit.find({"target_id": ada.id})]
    assert {"auth.link_issued", "user.password_reset"} <= set(actions)
    assert stored.audit.find_one({"action": "auth.password_forgotten", "target_id": None})
    issued = stored.audit.find_one({"changes.purpose.after": "password_reset"})
    assert (issued["actor_type"], issued["ip"]) == ("anonymous", "127.0.0.1")


def test_notice_can_be_switched_off(database, post_settings, post, api, token):
    silent = post_settings.model_copy(update={"notify_password_changed": False})
    app = build_app(database, silent, auth_required=True)
    assert reset(app.test_client(), token).status_code == 204
    assert post.deliver() == []


def test_owner_is_told_when_somebody_else_sets_the_password(post, ada):
    patch = UserPatch.model_validate({"password": NEW}, context={"min_password_length": 8})
    post.services.changes.change_user(ada.id, patch, actor=COMMAND_LINE)
    assert post.deliver_one()["Subject"] == "Your password was changed"


def test_response_is_the_same_for_every_address(post, api, ada):
    bodies = [forget(api, address).json for address in (ADDRESS, "nobody@example.com")]
    assert bodies[0] == bodies[1]
    assert [message["To"] for message in post.deliver()] == [ADDRESS]


@pytest.mark.parametrize("password", ["short", "password123", "ada@example.com", ""])
def test_refused_password_leaves_the_link_valid(api, token, password):
    refused = reset(api, token, password)
    assert refused.status_code == 400
    assert refused.json["error"]["code"] in ("password_refused", "validation_failed")
    assert reset(api, token).status_code == 204


def test_links_ignore_the_host_of_the_request(post, api, ada):
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    forget(api, ADDRESS, **headers)
    link = read_link(post.deliver_one())
    assert link.startswith("https://users.house.org/account/reset?token=")


def test_sixth_request_of_an_hour_changes_nothing(database, post_settings, tmp_path, stored):
    limits = {"ratelimit_enabled": True, "ratelimit_auth": "100/minute"}
    settings = post_settings.model_copy(update=limits)
    api = build_app(database, settings, auth_required=True).test_client()
    post = Post(tmp_path / "mail", build_services(settings))
    people.add(post.services, "ada")
    post.deliver()
    tokens = []
    for _ in range(5):
        forget(api, ADDRESS)
        tokens.append(read_token(post.deliver_one()))
    assert forget(api, ADDRESS).status_code == 202
    assert post.deliver() == []
    assert reset(api, tokens[0]).status_code == 400
    assert reset(api, tokens[-1]).status_code == 204


def test_requests_count_as_attempts(make_app, post_settings):
    changes = {"ratelimit_enabled": True, "ratelimit_auth": "2/minute"}
    client = make_app(mail_url=post_settings.mail_url, **changes).test_client()
    assert [forget(client, ADDRESS).status_code for _ in range(3)] == [202, 202, 429]
    assert reset(client, "x").status_code == 429


def expire(stored):
    past = clock.now() - timedelta(seconds=1)
    stored.one_time_tokens.update_many({}, {"$set": {"expires_at": past}})


def disable(services):
    services.changes.change_user(ADDRESS, UserPatch(is_active=False), actor=COMMAND_LINE)


def change_address(services):
    patch = UserPatch.model_validate({"email": "lovelace@example.com"})
    services.changes.change_user(ADDRESS, patch, actor=COMMAND_LINE)


def register_again(services):
    services.deletion.purge_user(ADDRESS, actor=COMMAND_LINE)
    people.add(services, "ada")


def delete_and_restore(services):
    user = services.deletion.delete_user(ADDRESS, actor=COMMAND_LINE)
    services.deletion.restore_user(str(user.pk), actor=COMMAND_LINE)


ATTACKS = {
    "nothing": lambda token, post, stored: "",
    "another": lambda token, post, stored: token[:-1] + ("A" if token[-1] != "A" else "B"),
    "cut off": lambda token, post, stored: token[:-1],
    "padded": lambda token, post, stored: token + "=",
    "upper case": lambda token, post, stored: token.upper(),
    "digest": lambda token, post, stored: stored.one_time_tokens.find_one()["digest"],
    "nonce": lambda token, post, stored: stored.mail.find_one()["nonce"],
    "expired": lambda token, post, stored: expire(stored) or token,
    "disabled": lambda token, post, stored: disable(post.services) or token,
    "deleted": lambda token, post, stored: (
        post.services.deletion.delete_user(ADDRESS, actor=COMMAND_LINE) and token
    ),
    "restored": lambda token, post, stored: delete_and_restore(post.services) or token,
    "address changed": lambda token, post, stored: change_address(post.services) or token,
    "registered again": lambda token, post, stored: register_again(post.services) or token,
    "operator": lambda token, post, stored: '{"$gt": ""}',
    "line break": lambda token, post, stored: f"{token}\r\n",
    "NUL": lambda token, post, stored: f"{token}\0",
    "too long": lambda token, post, stored: token * 100,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_wrong_token_is_refused_alike(post, api, token, stored, attack):
    wrong = ATTACKS[attack](token, post, stored)
    refused = reset(api, wrong)
    assert refused.status_code == 400
    assert refused.json["error"]["code"] in ("invalid_token", "validation_failed")
    page = api.post("/account/reset", data={"token": wrong, "password": NEW})
    assert page.status_code == 400
    assert people.sign_in(api, ADDRESS, NEW).status_code == 401


def test_token_of_another_purpose_is_refused(api, token):
    refused = api.post("/api/auth/verification/confirm", json={"token": token})
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "invalid_token")
    assert reset(api, token).status_code == 204


def test_token_is_used_once_by_many(api, token):
    with ThreadPoolExecutor(20) as pool:
        passwords = [f"{NEW} {number}" for number in range(20)]
        statuses = list(pool.map(lambda each: reset(api, token, each).status_code, passwords))
    statuses = [status for status in statuses if status != 503]
    assert sorted(set(statuses)) == [204, 400]
    assert statuses.count(204) == 1


def test_database_has_no_token_and_log_no_address(post, api, ada, stored, caplog):
    caplog.set_level("INFO")
    forget(api, ADDRESS)
    message = post.deliver_one()
    token = read_token(message)
    api.get(f"/account/reset?token={token}")
    everything = str([list(stored[name].find()) for name in stored.list_collection_names()])
    assert token not in everything
    assert read_link(message) not in everything
    assert not {token, ADDRESS, "forgotten the password"} & set(caplog.text.split())
    assert token not in caplog.text
    assert ADDRESS not in caplog.text


def test_link_of_an_undelivered_message_stays_the_same(post, ada, api, stored):
    """A message may have arrived although the server seemed to fail."""
    forget(api, ADDRESS)
    token = read_token(post.deliver_one())
    now = clock.now()
    again = {"state": "waiting", "due_at": now, "is_issued": True}
    stored.mail.update_one({"kind": "password_reset"}, {"$set": again})
    (path,) = [p for p in post.folder.glob("*.eml") if token.encode() in p.read_bytes()]
    path.unlink()
    assert read_token(post.deliver_one()) == token
    assert reset(api, token).status_code == 204
    stored.mail.update_one({"kind": "password_reset"}, {"$set": again})
    path.unlink()
    assert [each["Subject"] for each in post.deliver()] == ["Your password was changed"]


def test_message_that_is_sent_late_has_a_valid_link(post, api, ada, stored):
    """The mail server was away for hours, so the token has expired."""
    forget(api, ADDRESS)
    token = read_token(post.deliver_one())
    expire(stored)
    assert reset(api, token).status_code == 400
    stored.mail.update_one(
        {"kind": "password_reset"}, {"$set": {"state": "waiting", "due_at": clock.now()}}
    )
    (path,) = [p for p in post.folder.glob("*.eml") if token.encode() in p.read_bytes()]
    path.unlink()
    assert read_token(post.deliver_one()) == token
    assert reset(api, token).status_code == 204


def test_retried_message_has_a_new_link(post, api, ada, stored):
    forget(api, ADDRESS)
    token = read_token(post.deliver_one())
    stored.mail.update_one({"kind": "password_reset"}, {"$set": {"state": "failed"}})
    stored.one_time_tokens.delete_many({})
    message = stored.mail.find_one({"kind": "password_reset"})
    (path,) = [p for p in post.folder.glob("*.eml") if token.encode() in p.read_bytes()]
    path.unlink()
    post.services.mail.retry(message["_id"], actor=COMMAND_LINE)
    again = post.deliver_one()
    assert again["Message-ID"] != message["message_id"]
    assert reset(api, token).status_code == 400
    assert reset(api, read_token(again)).status_code == 204


def test_new_password_ends_links_to_set_another(post, api, ada, token):
    change = {"password": NEW, "current_password": PASSWORD}
    assert ada.patch("/api/users/me", json=change).status_code == 200
    assert reset(api, token, "one more row of words").status_code == 400


def test_new_password_ends_a_link_that_is_not_sent_yet(post, api, ada):
    forget(api, "ADA@Example.com")
    change = {"password": NEW, "current_password": PASSWORD}
    assert ada.patch("/api/users/me", json=change).status_code == 200
    assert [message["Subject"] for message in post.deliver()] == ["Your password was changed"]


def test_disabling_ends_links_for_good(post, api, ada, token):
    disable(post.services)
    patch = UserPatch(is_active=True)
    post.services.changes.change_user(ADDRESS, patch, actor=COMMAND_LINE)
    assert reset(api, token).status_code == 400


def test_notice_of_a_new_password_goes_to_the_former_address(post, api, ada):
    both = {"email": "thief@example.com", "password": NEW, "current_password": PASSWORD}
    assert ada.patch("/api/users/me", json=both).status_code == 200
    to = [message["To"] for message in post.deliver()]
    assert sorted(to) == [ADDRESS, "thief@example.com"]
