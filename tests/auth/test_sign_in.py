"""Signing in, staying signed in, signing out."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from rollbook.access.principal import COMMAND_LINE, ActorKind, Principal
from rollbook.auth.errors import InvalidRefreshToken
from rollbook.kit import clock
from rollbook.kit.errors import Unavailable
from rollbook.services import services_of
from rollbook.signing.ring import KeyRing
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import PASSWORD

LATER = datetime(2026, 1, 1, tzinfo=UTC)
WRONG = "not the password at all"


@pytest.fixture
def ada(services, guarded):
    return people.person(services, guarded, "ada")


def login(client, **body):
    return client.post("/api/auth/login", json={"password": PASSWORD} | body)


def test_signing_in_answers_both_tokens_and_the_user(services, guarded, stored):
    user = people.add(services, "ada")
    answer = login(guarded, email="ADA@example.com")
    assert answer.status_code == 200
    data = answer.json["data"]
    assert set(data) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (data["token_type"], data["expires_in"], data["user"]["id"]) == ("Bearer", 900, user["id"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert data["user"]["last_login"]
    assert data["user"]["version"] == 1


def test_a_username_signs_in_too_in_any_case(services, guarded, stored):
    people.add(services, "ada")
    assert login(guarded, username="ADA").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ada@example.com", "username": "ada"},
        {"email": None, "username": "ada"},
        {"email": {"$ne": None}},
        {"email": ""},
        {"username": "ada", "password": ""},
        {"username": "ada", "password": {"$gt": ""}},
        {"username": "ada", "remember": True},
        {"username": "ada", "password": "x" * 5000},
    ],
)
def test_a_body_that_is_no_login_is_400_and_says_why_in_our_words(guarded, stored, body):
    answer = login(guarded, **body)
    assert answer.status_code == 400
    detail = answer.json["error"]["details"][0]
    assert detail["code"] in ("one_of_two", "wrong_type", "too_short", "too_long", "unknown")
    assert "nput should" not in detail["message"]
    assert "item" not in detail["message"]


def test_every_failure_is_told_alike(services, guarded, stored):
    people.add(services, "ada")
    people.add(services, "off", is_active=False)
    answers = [
        login(guarded, email="ada@example.com", password=WRONG),
        login(guarded, email="ada@example.com", password="x" * 200),
        login(guarded, email="ada@example.com", password="é" * 100),
        login(guarded, email="nobody@example.com"),
        login(guarded, email="not an address"),
        login(guarded, username="nobody"),
        login(guarded, username="$where: 1"),
        login(guarded, email="off@example.com"),
        login(guarded, email="off@example.com", password=WRONG),
    ]
    assert len({(a.status_code, a.json["message"], str(a.json["error"]), str(fixed(a.headers))) for a in answers}) == 1
    assert answers[0].status_code == 401
    assert answers[0].json["error"]["code"] == "invalid_credentials"
    assert answers[0].headers["WWW-Authenticate"].startswith("Bearer")


def fixed(headers):
    return [pair for pair in headers if pair[0] != "X-Request-ID"]


def test_an_old_token_in_the_header_does_not_keep_from_signing_in(services, guarded, stored):
    people.add(services, "ada")
    old = {"Authorization": "Bearer long.since.expired"}
    answer = guarded.post("/api/auth/login", json={"email": "ada@example.com", "password": PASSWORD}, headers=old)
    assert answer.status_code == 200


def test_me_is_the_caller_with_permissions(ada, guarded, services):
    me = ada.get("/api/auth/me").json["data"]
    assert (me["id"], me["role"], me["permissions"]) == (ada.id, "user", [])
    moderator = people.person(services, guarded, "mod", role="moderator")
    assert "users:read" in moderator.get("/api/auth/me").json["data"]["permissions"]
    assert guarded.get("/api/auth/me").status_code == 401


def test_logging_out_ends_the_session_now_and_no_other(ada, guarded):
    again = people.sign_in(guarded, ada.email).json["data"]
    assert ada.post("/api/auth/logout").status_code == 204
    gone = ada.get("/api/auth/me")
    assert (gone.status_code, gone.json["error"]["code"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in gone.headers["WWW-Authenticate"]
    assert refresh(guarded, ada.signed_in).status_code == 401
    other = {"Authorization": f"Bearer {again['access_token']}"}
    assert guarded.get("/api/auth/me", headers=other).status_code == 200


def refresh(client, signed_in):
    return client.post("/api/auth/refresh", json={"refresh_token": signed_in["refresh_token"]})


def test_refreshing_gives_a_new_pair_and_the_old_access_token_lives_on(ada, guarded):
    new = refresh(guarded, ada.signed_in)
    assert new.status_code == 200
    data = new.json["data"]
    assert data["refresh_token"] != ada.signed_in["refresh_token"]
    assert data["user"]["id"] == ada.id
    assert ada.get("/api/auth/me").status_code == 200
    assert refresh(guarded, data).status_code == 200


def test_a_used_refresh_token_kills_the_family_the_newest_included(ada, guarded, stored):
    second = refresh(guarded, ada.signed_in).json["data"]
    third = refresh(guarded, second).json["data"]
    reused = refresh(guarded, ada.signed_in)
    assert (reused.status_code, reused.json["error"]["code"]) == (401, "invalid_refresh_token")
    assert refresh(guarded, third).status_code == 401
    for each in (ada.signed_in, second, third):
        headers = {"Authorization": f"Bearer {each['access_token']}"}
        assert guarded.get("/api/auth/me", headers=headers).status_code == 401
    assert stored.audit.count_documents({"action": "session.reuse_detected"}) == 1


@pytest.mark.parametrize("token", ["x", "a.b", "." * 87, "é.ü", "A" * 43 + "." + "B" * 43])
def test_a_made_up_refresh_token_is_401_and_ends_nothing(ada, guarded, token):
    assert refresh(guarded, {"refresh_token": token}).status_code == 401
    assert ada.get("/api/auth/me").status_code == 200


def test_nothing_that_signs_in_is_stored(ada, guarded, stored):
    everything = str([list(stored[name].find()) for name in stored.list_collection_names()])
    family, _, one = ada.signed_in["refresh_token"].partition(".")
    for secret in (PASSWORD, ada.signed_in["access_token"], family, one):
        assert secret not in everything


def test_sessions_say_when_where_and_which_is_this_one(ada, guarded):
    people.sign_in(guarded, ada.email)
    sessions = ada.get("/api/auth/sessions").json["data"]
    assert [session["is_current"] for session in sessions] == [False, True]
    assert set(sessions[0]) == {"id", "created_at", "last_used_at", "expires_at", "ip", "user_agent", "is_current"}
    assert sessions[0]["ip"] == "127.0.0.1"
    assert sessions[0]["user_agent"].startswith("Werkzeug")


def test_one_session_can_be_ended_and_nobody_elses(ada, guarded, services):
    bob = people.person(services, guarded, "bob")
    again = people.sign_in(guarded, ada.email).json["data"]
    first = ada.get("/api/auth/sessions").json["data"][0]["id"]
    assert bob.delete(f"/api/auth/sessions/{first}").status_code == 404
    assert ada.delete(f"/api/auth/sessions/{first}").status_code == 204
    assert ada.delete(f"/api/auth/sessions/{first}").status_code == 404
    assert ada.delete("/api/auth/sessions/nonsense").status_code == 404
    assert refresh(guarded, again).status_code == 401
    assert ada.get("/api/auth/me").status_code == 200


def test_all_other_sessions_can_be_ended(ada, guarded):
    again = people.sign_in(guarded, ada.email).json["data"]
    assert ada.delete("/api/auth/sessions").status_code == 204
    assert refresh(guarded, again).status_code == 401
    assert len(ada.get("/api/auth/sessions").json["data"]) == 1


def test_a_hash_with_fewer_rounds_is_made_anew_at_sign_in(services, guarded, make_app, stored):
    user = people.add(services, "ada")
    dearer = make_app(auth_required=True, bcrypt_rounds=5).test_client()
    assert login(dearer, email=user["email"], password=WRONG).status_code == 401
    assert "$2b$04$" in stored.users.find_one()["password_hash"]
    assert login(dearer, email=user["email"]).status_code == 200
    assert "$2b$05$" in stored.users.find_one()["password_hash"]
    assert login(guarded, email=user["email"]).status_code == 200
    assert "$2b$05$" in stored.users.find_one()["password_hash"]


def test_a_hash_that_is_none_signs_nobody_in_and_is_no_500(services, guarded, stored):
    user = people.add(services, "ada")
    for broken in ("hmac-sha256+bcrypt$2b$04$short", "hmac-sha256+bcrypt$2b$99$" + "a" * 53, "", "*"):
        stored.users.update_one({"_id": ObjectId(user["id"])}, {"$set": {"password_hash": broken}})
        assert login(guarded, email=user["email"]).status_code == 401


def test_sign_ins_that_worked_and_that_failed_are_on_record(services, guarded, stored):
    user = people.add(services, "ada")
    login(guarded, email=user["email"])
    login(guarded, email=user["email"], password=WRONG)
    login(guarded, email="nobody@example.com")
    entries = list(stored.audit.find({"action": {"$regex": "^auth"}}, sort=[("at", 1)]))
    assert [(e["action"], e.get("actor_id"), e.get("target_id")) for e in entries] == [
        ("auth.login_succeeded", user["id"], user["id"]),
        ("auth.login_failed", None, user["id"]),
        ("auth.login_failed", None, None),
    ]
    assert entries[0]["ip"] == "127.0.0.1"
    assert "nobody@example.com" not in str(entries)


def test_a_user_has_a_hundred_sessions_at_most_and_the_oldest_ends(ada, guarded, stored, services):
    mine = {"user_id": ObjectId(ada.id)}
    kept = stored.sessions.find_one(mine)
    fields = {name: kept[name] for name in kept if name != "_id"}
    stored.sessions.update_one(mine, {"$set": {"created_at": LATER - timedelta(days=1)}})
    stored.sessions.insert_many(
        [{**fields, "_id": f"{n:032x}", "family": f"{n}", "created_at": LATER} for n in range(150)]
    )
    newest = people.sign_in(guarded, ada.email).json["data"]
    assert stored.sessions.count_documents(mine) == 100
    assert ada.get("/api/auth/me").status_code == 401
    assert services.users.sessions.end_silently(ObjectId(ada.id)) == 100
    assert refresh(guarded, newest).status_code == 401


def test_a_token_that_was_taken_is_answered_or_was_not_taken(ada, guarded, monkeypatch):
    """Without a key to sign with, refreshing fails before anything is written, and can be tried again."""

    def gone(self):
        raise Unavailable()

    with monkeypatch.context() as patched:
        patched.setattr(KeyRing, "signer", gone)
        assert refresh(guarded, ada.signed_in).status_code == 503
        assert people.sign_in(guarded, ada.email).status_code == 503
    assert refresh(guarded, ada.signed_in).status_code == 200


def test_a_session_whose_user_is_gone_or_disabled_refreshes_nothing(ada, guarded, stored):
    """As after half a deletion, where MongoDB has no transactions."""
    stored.users.update_one({"_id": ObjectId(ada.id)}, {"$set": {"is_active": False}})
    assert refresh(guarded, ada.signed_in).status_code == 401


def test_who_one_is_is_never_answered_from_the_callers_memory(services, guarded, stored):
    """What one may do comes with the role, so the version of the user does not tell all of it."""
    people.add(services, "first", role="admin")
    admin = people.person(services, guarded, "admin", role="admin")
    first = admin.get("/api/auth/me")
    assert (first.headers["Cache-Control"], "ETag" in first.headers) == ("no-store", False)
    services.users.change_user(admin.id, UserPatch(role="user"), actor=COMMAND_LINE)
    again = admin.get("/api/auth/me", headers={"If-None-Match": "*"})
    assert (again.status_code, again.json["data"]["permissions"]) == (200, [])


def test_a_session_ends_so_many_days_after_its_sign_in_however_often_it_is_refreshed(services, make_app, stored):
    client = make_app(auth_required=True, session_max_days=10).test_client()
    people.add(services, "ada")
    signed_in = people.sign_in(client, "ada@example.com").json["data"]
    began = clock.now() - timedelta(days=8)
    stored.sessions.update_one({}, {"$set": {"created_at": began}})
    signed_in = refresh(client, signed_in).json["data"]
    assert stored.sessions.find_one()["expires_at"] == began + timedelta(days=10)
    stored.sessions.update_one({}, {"$set": {"expires_at": clock.now() - timedelta(seconds=1)}})
    assert refresh(client, signed_in).status_code == 401


def test_a_machine_whose_clock_is_ahead_refuses_a_refresh_and_ends_no_session(services, settings, guarded, monkeypatch):
    """It took the session for expired, and its token for one that was used before."""
    ada = people.person(services, guarded, "ada")
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=40))
    wrong = services_of(settings)
    with pytest.raises(InvalidRefreshToken):
        wrong.auth.refresh(ada.signed_in["refresh_token"], actor=Principal(ActorKind.ANONYMOUS, None, frozenset()))
    assert refresh(guarded, ada.signed_in).status_code == 200


def test_session_ids_are_random(services, guarded, stored):
    people.add(services, "ada")
    for _ in range(3):
        people.sign_in(guarded, "ada@example.com")
    ids = [row["_id"] for row in stored.sessions.find()]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    assert len({each[:4] for each in ids}) > 1


def test_a_session_past_its_days_is_not_refreshed_into_dead_tokens(services, guarded, stored):
    ada = people.person(services, guarded, "ada")
    stored.sessions.update_one({}, {"$set": {"created_at": clock.now() - timedelta(days=91)}})
    assert refresh(guarded, ada.signed_in).status_code == 401
