"""Sign in, refresh tokens, sign out."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from rollbook.access.principal import COMMAND_LINE, ActorKind, Principal
from rollbook.auth.errors import InvalidRefreshToken
from rollbook.kit import clock
from rollbook.kit.errors import Unavailable
from rollbook.services import build_services
from rollbook.signing.keys import KeyRing
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import PASSWORD

LATER = datetime(2026, 1, 1, tzinfo=UTC)
WRONG_PASSWORD = "not the password at all"


@pytest.fixture
def ada(services, guarded):
    return people.person(services, guarded, "ada")


def login(client, **body):
    return client.post("/api/auth/login", json={"password": PASSWORD} | body)


def test_sign_in_returns_both_tokens_and_the_user(services, guarded, stored):
    user = people.add(services, "ada")
    response = login(guarded, email="ADA@example.com")
    assert response.status_code == 200
    data = response.json["data"]
    assert set(data) == {"access_token", "refresh_token", "token_type", "expires_in", "user"}
    assert (data["token_type"], data["expires_in"], data["user"]["id"]) == (
        "Bearer",
        900,
        user["id"],
    )
    assert response.headers["Cache-Control"] == "no-store"
    assert data["user"]["last_login"]
    assert data["user"]["version"] == 1


def test_sign_in_accepts_a_username_in_any_case(services, guarded, stored):
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
def test_invalid_sign_in_body_returns_400(guarded, stored, body):
    response = login(guarded, **body)
    assert response.status_code == 400
    detail = response.json["error"]["details"][0]
    assert detail["code"] in ("one_of_two", "wrong_type", "too_short", "too_long", "unknown")
    assert "nput should" not in detail["message"]
    assert "item" not in detail["message"]


def test_every_sign_in_failure_has_the_same_response(services, guarded, stored):
    people.add(services, "ada")
    people.add(services, "off", is_active=False)
    responses = [
        login(guarded, email="ada@example.com", password=WRONG_PASSWORD),
        login(guarded, email="ada@example.com", password="x" * 200),
        login(guarded, email="ada@example.com", password="é" * 100),
        login(guarded, email="nobody@example.com"),
        login(guarded, email="not an address"),
        login(guarded, username="nobody"),
        login(guarded, username="$where: 1"),
        login(guarded, email="off@example.com"),
        login(guarded, email="off@example.com", password=WRONG_PASSWORD),
    ]
    assert (
        len(
            {
                (
                    a.status_code,
                    a.json["message"],
                    str(a.json["error"]),
                    str(drop_request_id(a.headers)),
                )
                for a in responses
            }
        )
        == 1
    )
    assert responses[0].status_code == 401
    assert responses[0].json["error"]["code"] == "invalid_credentials"
    assert responses[0].headers["WWW-Authenticate"].startswith("Bearer")


def drop_request_id(headers):
    return [pair for pair in headers if pair[0] != "X-Request-ID"]


def test_sign_in_ignores_an_expired_token(services, guarded, stored):
    people.add(services, "ada")
    expired = {"Authorization": "Bearer long.since.expired"}
    response = guarded.post(
        "/api/auth/login", json={"email": "ada@example.com", "password": PASSWORD}, headers=expired
    )
    assert response.status_code == 200


def test_me_returns_the_caller_and_permissions(ada, guarded, services):
    me = ada.get("/api/auth/me").json["data"]
    assert (me["id"], me["role"], me["permissions"]) == (ada.id, "user", [])
    moderator = people.person(services, guarded, "mod", role="moderator")
    assert "users:read" in moderator.get("/api/auth/me").json["data"]["permissions"]
    assert guarded.get("/api/auth/me").status_code == 401


def test_sign_out_ends_only_the_current_session(ada, guarded):
    again = people.sign_in(guarded, ada.email).json["data"]
    assert ada.post("/api/auth/logout").status_code == 204
    response = ada.get("/api/auth/me")
    assert (response.status_code, response.json["error"]["code"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert refresh(guarded, ada.signed_in).status_code == 401
    other = {"Authorization": f"Bearer {again['access_token']}"}
    assert guarded.get("/api/auth/me", headers=other).status_code == 200


def refresh(client, signed_in):
    return client.post("/api/auth/refresh", json={"refresh_token": signed_in["refresh_token"]})


def test_refresh_does_not_revoke_the_old_access_token(ada, guarded):
    new = refresh(guarded, ada.signed_in)
    assert new.status_code == 200
    data = new.json["data"]
    assert data["refresh_token"] != ada.signed_in["refresh_token"]
    assert data["user"]["id"] == ada.id
    assert ada.get("/api/auth/me").status_code == 200
    assert refresh(guarded, data).status_code == 200


def test_reused_refresh_token_ends_the_whole_family(ada, guarded, stored):
    second = refresh(guarded, ada.signed_in).json["data"]
    third = refresh(guarded, second).json["data"]
    reused = refresh(guarded, ada.signed_in)
    assert (reused.status_code, reused.json["error"]["code"]) == (401, "invalid_refresh_token")
    assert refresh(guarded, third).status_code == 401
    for each in (ada.signed_in, second, third):
        headers = {"Authorization": f"Bearer {each['access_token']}"}
        assert guarded.get("/api/auth/me", headers=headers).status_code == 401
    assert stored.audit.count_documents({"action": "session.reuse_detected"}) == 1


def test_repeated_refresh_gets_the_same_successor(ada, guarded, stored):
    first, second = refresh(guarded, ada.signed_in), refresh(guarded, ada.signed_in)
    assert second.status_code == 200
    assert second.json["data"]["refresh_token"] == first.json["data"]["refresh_token"]
    for each in (first, second):
        headers = {"Authorization": f"Bearer {each.json['data']['access_token']}"}
        assert guarded.get("/api/auth/me", headers=headers).status_code == 200
    entry = stored.audit.find_one({"action": "session.refresh_repeated"})
    assert (entry["actor_id"], entry["target_id"]) == (ada.id, ada.id)
    assert stored.sessions.count_documents({}) == 1


@pytest.mark.parametrize(("reuse_seconds", "seconds_later"), [(10, 11), (0, 0)])
def test_late_repeated_refresh_ends_the_session(
    services, make_app, stored, reuse_seconds, seconds_later
):
    client = make_app(auth_required=True, refresh_reuse_seconds=reuse_seconds).test_client()
    signed_in = people.person(services, client, "ada").signed_in
    new = refresh(client, signed_in).json["data"]
    (session,) = stored.sessions.find()
    earlier = session["last_used_at"] - timedelta(seconds=seconds_later)
    stored.sessions.update_one({}, {"$set": {"last_used_at": earlier}})
    assert refresh(client, signed_in).status_code == 401
    assert refresh(client, new).status_code == 401
    assert stored.audit.count_documents({"action": "session.reuse_detected"}) == 1


@pytest.mark.parametrize("token", ["x", "a.b", "." * 87, "é.ü", "A" * 43 + "." + "B" * 43])
def test_unknown_refresh_token_returns_401(ada, guarded, token):
    assert refresh(guarded, {"refresh_token": token}).status_code == 401
    assert ada.get("/api/auth/me").status_code == 200


def test_no_password_or_token_is_stored(ada, guarded, stored):
    everything = str([list(stored[name].find()) for name in stored.list_collection_names()])
    family, _, one = ada.signed_in["refresh_token"].partition(".")
    for secret in (PASSWORD, ada.signed_in["access_token"], family, one):
        assert secret not in everything


def test_session_list_marks_the_current_session(ada, guarded):
    people.sign_in(guarded, ada.email)
    sessions = ada.get("/api/auth/sessions").json["data"]
    assert [session["is_current"] for session in sessions] == [False, True]
    assert set(sessions[0]) == {
        "id",
        "created_at",
        "last_used_at",
        "expires_at",
        "ip",
        "user_agent",
        "is_current",
    }
    assert sessions[0]["ip"] == "127.0.0.1"
    assert sessions[0]["user_agent"].startswith("Werkzeug")


def test_user_can_end_only_own_sessions(ada, guarded, services):
    bob = people.person(services, guarded, "bob")
    again = people.sign_in(guarded, ada.email).json["data"]
    first = ada.get("/api/auth/sessions").json["data"][0]["id"]
    assert bob.delete(f"/api/auth/sessions/{first}").status_code == 404
    assert ada.delete(f"/api/auth/sessions/{first}").status_code == 204
    assert ada.delete(f"/api/auth/sessions/{first}").status_code == 404
    assert ada.delete("/api/auth/sessions/nonsense").status_code == 404
    assert refresh(guarded, again).status_code == 401
    assert ada.get("/api/auth/me").status_code == 200


def test_user_can_end_all_other_sessions(ada, guarded):
    again = people.sign_in(guarded, ada.email).json["data"]
    assert ada.delete("/api/auth/sessions").status_code == 204
    assert refresh(guarded, again).status_code == 401
    assert len(ada.get("/api/auth/sessions").json["data"]) == 1


def test_sign_in_upgrades_a_hash_with_fewer_rounds(services, guarded, make_app, stored):
    user = people.add(services, "ada")
    stronger = make_app(auth_required=True, bcrypt_rounds=5).test_client()
    assert login(stronger, email=user["email"], password=WRONG_PASSWORD).status_code == 401
    assert "$2b$04$" in stored.users.find_one()["password_hash"]
    assert login(stronger, email=user["email"]).status_code == 200
    assert "$2b$05$" in stored.users.find_one()["password_hash"]
    assert login(guarded, email=user["email"]).status_code == 200
    assert "$2b$05$" in stored.users.find_one()["password_hash"]


def test_malformed_stored_hash_returns_401(services, guarded, stored):
    user = people.add(services, "ada")
    for malformed in (
        "hmac-sha256+bcrypt$2b$04$short",
        "hmac-sha256+bcrypt$2b$99$" + "a" * 53,
        "",
        "*",
    ):
        stored.users.update_one(
            {"_id": ObjectId(user["id"])}, {"$set": {"password_hash": malformed}}
        )
        assert login(guarded, email=user["email"]).status_code == 401


def test_every_sign_in_attempt_is_in_the_audit_log(services, guarded, stored):
    user = people.add(services, "ada")
    login(guarded, email=user["email"])
    login(guarded, email=user["email"], password=WRONG_PASSWORD)
    login(guarded, email="nobody@example.com")
    entries = list(stored.audit.find({"action": {"$regex": "^auth"}}, sort=[("at", 1)]))
    assert [(e["action"], e.get("actor_id"), e.get("target_id")) for e in entries] == [
        ("auth.login_succeeded", user["id"], user["id"]),
        ("auth.login_failed", None, user["id"]),
        ("auth.login_failed", None, None),
    ]
    assert entries[0]["ip"] == "127.0.0.1"
    assert "nobody@example.com" not in str(entries)


def test_101st_session_ends_the_oldest_one(ada, guarded, stored, services):
    by_user = {"user_id": ObjectId(ada.id)}
    session = stored.sessions.find_one(by_user)
    fields = {name: session[name] for name in session if name != "_id"}
    stored.sessions.update_one(by_user, {"$set": {"created_at": LATER - timedelta(days=1)}})
    stored.sessions.insert_many(
        [{**fields, "_id": f"{n:032x}", "family": f"{n}", "created_at": LATER} for n in range(150)]
    )
    newest = people.sign_in(guarded, ada.email).json["data"]
    assert stored.sessions.count_documents(by_user) == 100
    assert ada.get("/api/auth/me").status_code == 401
    assert services.users.sessions.delete_sessions(ObjectId(ada.id)) == 100
    assert refresh(guarded, newest).status_code == 401


def test_failed_refresh_does_not_use_up_the_token(ada, guarded, monkeypatch):
    """Without a signing key, a refresh fails before it writes anything, so it can be retried."""

    def raise_unavailable(self):
        raise Unavailable()

    with monkeypatch.context() as patched:
        patched.setattr(KeyRing, "get_signer", raise_unavailable)
        assert refresh(guarded, ada.signed_in).status_code == 503
        assert people.sign_in(guarded, ada.email).status_code == 503
    assert refresh(guarded, ada.signed_in).status_code == 200


def test_session_of_a_disabled_user_cannot_be_refreshed(ada, guarded, stored):
    """A deletion can stop half-way if MongoDB has no transactions."""
    stored.users.update_one({"_id": ObjectId(ada.id)}, {"$set": {"is_active": False}})
    assert refresh(guarded, ada.signed_in).status_code == 401


def test_me_is_never_cached(services, guarded, stored):
    """The permissions come from the role, so the version of the user does not cover them."""
    people.add(services, "first", role="admin")
    admin = people.person(services, guarded, "admin", role="admin")
    first = admin.get("/api/auth/me")
    assert (first.headers["Cache-Control"], "ETag" in first.headers) == ("no-store", False)
    services.changes.change_user(admin.id, UserPatch(role="user"), actor=COMMAND_LINE)
    again = admin.get("/api/auth/me", headers={"If-None-Match": "*"})
    assert (again.status_code, again.json["data"]["permissions"]) == (200, [])


def test_refresh_does_not_extend_session_max_days(services, make_app, stored):
    client = make_app(auth_required=True, session_max_days=10).test_client()
    people.add(services, "ada")
    signed_in = people.sign_in(client, "ada@example.com").json["data"]
    started = clock.now() - timedelta(days=8)
    stored.sessions.update_one({}, {"$set": {"created_at": started}})
    signed_in = refresh(client, signed_in).json["data"]
    assert stored.sessions.find_one()["expires_at"] == started + timedelta(days=10)
    stored.sessions.update_one({}, {"$set": {"expires_at": clock.now() - timedelta(seconds=1)}})
    assert refresh(client, signed_in).status_code == 401


def test_wrong_clock_refuses_a_refresh_but_ends_no_session(
    services, settings, guarded, monkeypatch
):
    """The server took the session for expired, and its token for a reused one."""
    ada = people.person(services, guarded, "ada")
    now = clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(days=40))
    skewed_services = build_services(settings)
    with pytest.raises(InvalidRefreshToken):
        skewed_services.auth.refresh(
            ada.signed_in["refresh_token"], actor=Principal(ActorKind.ANONYMOUS, None, frozenset())
        )
    assert refresh(guarded, ada.signed_in).status_code == 200


def test_session_ids_are_random(services, guarded, stored):
    people.add(services, "ada")
    for _ in range(3):
        people.sign_in(guarded, "ada@example.com")
    ids = [row["_id"] for row in stored.sessions.find()]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    assert len({each[:4] for each in ids}) > 1


def test_session_past_max_days_cannot_be_refreshed(services, guarded, stored):
    ada = people.person(services, guarded, "ada")
    stored.sessions.update_one({}, {"$set": {"created_at": clock.now() - timedelta(days=91)}})
    assert refresh(guarded, ada.signed_in).status_code == 401
