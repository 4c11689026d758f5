"""Invite, accept, send again, end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.kit import clock
from rollbook.storage import transactions
from tests import people
from tests.conftest import PASSWORD, build_app
from tests.harness.post import read_link, read_text, read_token
from tests.invitations.requests import ADDRESS, accept, invite, show


def test_who_is_invited_chooses_a_password(post, api, boss, stored):
    created = invite(boss, name="Ada Lovelace").json["data"]
    assert created["invited_by"] == boss.id
    message = post.deliver_one()
    assert message["To"] == ADDRESS
    assert "by Boss" in read_text(message)
    assert read_link(message).startswith("https://users.house.org/account/invitation?token=")
    token = read_token(message)
    shown = show(api, token).json["data"]
    assert (shown["email"], shown["role"], shown["inviter"]) == (ADDRESS, "user", "Boss")
    accepted = accept(api, token)
    assert accepted.status_code == 201
    user = accepted.json["data"]
    assert accepted.headers["Location"] == f"/api/users/{user['id']}"
    assert (user["name"], user["email"], user["role"]) == ("Ada Lovelace", ADDRESS, "user")
    assert user["email_verified_at"] is not None
    assert people.sign_in(api, ADDRESS).status_code == 200
    assert boss.get("/api/invitations").json["data"] == []
    assert post.deliver() == []
    assert accept(api, token).status_code == 400
    entry = stored.audit.find_one({"action": "user.created", "target_id": user["id"]})
    assert entry["changes"]["invitation"] == {"before": created["id"], "after": None}
    assert entry["actor_type"] == "anonymous"


def test_acceptance_works_while_registration_is_closed(make_app, post, post_settings, boss):
    changes = {"mail_url": post_settings.mail_url, "registration": "closed", "auth_required": True}
    closed = make_app(**changes).test_client()
    invite(boss)
    chosen = {"name": "Countess", "username": "ada"}
    user = accept(closed, read_token(post.deliver_one()), **chosen).json["data"]
    assert (user["name"], user["username"]) == ("Countess", "ada")


def test_role_comes_from_the_invitation(post, api, boss):
    invite(boss, role="moderator")
    token = read_token(post.deliver_one())
    assert accept(api, token, role="admin").status_code == 400
    assert accept(api, token).json["data"]["role"] == "moderator"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"password": "short"}, "password_refused"),
        ({"password": "ada@example.com"}, "password_refused"),
        ({"username": "support"}, "username_reserved"),
        ({"name": "x" * 31}, "validation_failed"),
    ],
)
def test_refused_values_leave_the_link_valid(api, token, fields, code):
    refused = accept(api, token, **fields)
    assert (refused.status_code, refused.json["error"]["code"]) == (400, code)
    assert accept(api, token).status_code == 201


@pytest.mark.parametrize("supports", [True, False], ids=["transactions", "standalone"])
def test_taken_username_leaves_the_link_valid(post, api, token, monkeypatch, supports):
    monkeypatch.setattr(transactions, "_supports_transactions", lambda _: supports)
    people.add(post.services, "grace")
    assert accept(api, token, username="grace").status_code == 409
    assert accept(api, token).status_code == 201


def test_link_is_used_once(api, token, stored):
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: accept(api, token).status_code, range(20)))
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 400, 503}  # 503: too many passwords are hashed at once.
    assert stored.users.count_documents({"email_key": ADDRESS}) == 1


def test_pending_invitations_are_listed(post, boss):
    invite(boss)
    invite(boss, email="grace@example.com")
    page = boss.get("/api/invitations?page_size=1").json
    assert [each["email"] for each in page["data"]] == ["grace@example.com"]
    rest = boss.get(f"/api/invitations?cursor={page['pagination']['next_cursor']}").json
    assert [each["email"] for each in rest["data"]] == [ADDRESS]


def test_second_invitation_is_a_conflict(boss, token):
    refused = invite(boss, email="ADA@example.com")
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "already_invited")


def test_resent_link_replaces_the_first(post, api, boss, token):
    (pending,) = boss.get("/api/invitations").json["data"]
    path = f"/api/invitations/{pending['id']}/resend"
    assert boss.post(path).status_code == 202
    newer = read_token(post.deliver_one())
    assert accept(api, token).status_code == 400
    assert accept(api, newer).status_code == 201
    assert boss.post(path).status_code == 404


def test_ended_invitation_has_no_link(post, api, boss, token):
    (pending,) = boss.get("/api/invitations").json["data"]
    assert boss.delete(f"/api/invitations/{pending['id']}").status_code == 204
    assert accept(api, token).status_code == 400
    assert show(api, token).status_code == 400
    assert boss.delete(f"/api/invitations/{pending['id']}").status_code == 404
    assert boss.delete("/api/invitations/nothing").status_code == 404
    assert invite(boss).status_code == 201


def test_invitation_that_ends_before_it_is_sent(post, boss):
    created = invite(boss).json["data"]
    boss.delete(f"/api/invitations/{created['id']}")
    assert post.deliver() == []


def test_expired_invitation_makes_room(post, api, boss, token, stored):
    past = clock.now() - timedelta(seconds=1)
    stored.invitations.update_many({}, {"$set": {"expires_at": past}})
    assert boss.get("/api/invitations").json["data"] == []
    assert accept(api, token).status_code == 400
    assert invite(boss).status_code == 201


def test_owner_of_an_account_is_told(post, api, boss, stored):
    people.add(post.services, "ada", email_verified=True)
    assert invite(boss, email="ADA@example.com").status_code == 201
    message = post.deliver_one()
    assert message["To"] == ADDRESS
    assert "has an account there already" in read_text(message)
    assert stored.one_time_tokens.count_documents({}) == 0


def test_address_that_registered_meanwhile_is_a_conflict(post, api, boss, token):
    people.add(post.services, "ada")
    refused = accept(api, token)
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "email_taken")
    post.services.deletion.delete_user(ADDRESS, actor=COMMAND_LINE)
    assert accept(api, token).status_code == 201


def test_name_that_is_too_long_by_now_is_cut(database, post_settings, post, boss):
    invite(boss, name="Augusta Ada King-Noel Lovelace")
    token = read_token(post.deliver_one())
    api = build_app(database, post_settings, auth_required=True, name_max_length=12).test_client()
    assert accept(api, token).json["data"]["name"] == "Augusta Ada"


def test_end_of_an_invitation_tells_nothing(post, boss, stored):
    people.add(post.services, "ada", email_verified=True)
    invite(boss)
    invite(boss, email="nobody@example.com")
    post.deliver()
    gaps = [row["expires_at"] - row["created_at"] for row in stored.invitations.find()]
    assert {gap > timedelta(days=7) for gap in gaps} == {True}


def test_audit_entries_of_an_invitation(post, api, boss, token, stored):
    (pending,) = boss.get("/api/invitations").json["data"]
    boss.post(f"/api/invitations/{pending['id']}/resend")
    boss.delete(f"/api/invitations/{pending['id']}")
    entries = list(stored.audit.find({"target_id": pending["id"]}).sort("_id"))
    assert [(entry["action"], entry["changes"]) for entry in entries] == [
        ("invitation.created", {"role": {"before": None, "after": "user"}}),
        ("auth.link_issued", {"purpose": {"before": None, "after": "invitation"}}),
        ("invitation.resent", {}),
        ("invitation.ended", {"role": {"before": "user", "after": None}}),
    ]
    assert ADDRESS not in str(entries)


def test_unknown_role_is_refused(boss):
    assert invite(boss, role="nothing").status_code == 400


def test_token_of_another_purpose_is_refused(post, api, boss, token):
    people.add(post.services, "grace", email="grace@example.com")
    verification = read_token(post.deliver_one())
    assert accept(api, verification).status_code == 400
    for path, body in (("verification/confirm", {}), ("password/reset", {"password": PASSWORD})):
        refused = api.post(f"/api/auth/{path}", json={"token": token, **body})
        assert (refused.status_code, refused.json["error"]["code"]) == (400, "invalid_token")


def test_without_mail_nobody_is_invited(make_app, services, stored):
    changes = {"environment": "production", "mail_url": None, "auth_required": True}
    api = make_app(**changes, bcrypt_rounds=12).test_client()
    boss = people.person(services, api, "boss", role="admin")
    refused = invite(boss)
    assert (refused.status_code, refused.json["error"]["code"]) == (503, "mail_not_configured")


def test_page_creates_the_account(api, token):
    page = api.get(f"/account/invitation?token={token}")
    assert ADDRESS in page.text
    assert 'value="Ada Lovelace"' in page.text
    refused = api.post("/account/invitation", data={"token": token, "password": "x", "name": "A"})
    assert refused.status_code == 400
    assert "At least 8 characters." in refused.text
    long = {"token": token, "password": PASSWORD, "name": "x" * 31}
    assert "A name of 1 to 30 characters" in api.post("/account/invitation", data=long).text
    done = api.post("/account/invitation", data={"token": token, "password": PASSWORD, "name": "A"})
    assert (done.status_code, "Account created" in done.text) == (200, True)
    assert people.sign_in(api, ADDRESS).json["data"]["user"]["name"] == "A"
    assert api.get(f"/account/invitation?token={token}").status_code == 400
