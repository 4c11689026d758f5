"""Managed: roles, both tokens, pages, the active flag, what a moderator may not."""

import pytest

from tests.conftest import PASSWORD
from tests.serving.guarded import GUARDED, register, sign_in

SETTINGS = GUARDED


@pytest.fixture(scope="module")
def admin(http):
    return sign_in(http)


@pytest.fixture(scope="module")
def moderator(http, admin):
    user = register(http, "moderator")
    answer = http.patch(f"/api/users/{user.id}", json={"role": "moderator"}, headers=admin.headers)
    assert answer.json()["data"]["role"] == "moderator"
    return user


def test_health_and_readiness_need_no_token(http, ok):
    assert ok(http.get("/health"), 200)["auth_required"] is True
    assert ok(http.get("/ready"), 200)["status"] == "ready"


def test_access_refresh_me_and_logout(http, ok):
    user = register(http, "traveller")
    assert ok(http.get("/api/auth/me", headers=user.headers), 200)["role"] == "user"
    new = ok(http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token}), 200)
    fresh = {"Authorization": f"Bearer {new['access_token']}"}
    ok(http.post("/api/auth/logout", headers=fresh), 204)
    assert http.get("/api/auth/me", headers=fresh).status_code == 401
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401


def test_patch_and_put_change_what_is_sent(http, ok, admin):
    user = register(http, "changing")
    for method in ("PATCH", "PUT"):
        answer = http.request(method, f"/api/users/{user.id}", json={"first_name": method}, headers=admin.headers)
        assert ok(answer, 200)["first_name"] == method


def test_pages_hold_at_most_100(http, ok, moderator):
    assert ok(http.get("/api/users?page_size=100", headers=moderator.headers), 200)
    assert http.get("/api/users?page_size=101", headers=moderator.headers).status_code == 400
    page = http.get("/api/users?page_size=1&page=2", headers=moderator.headers).json()["pagination"]
    assert (page["page"], page["page_size"], page["has_previous"]) == (2, 1, True)


def test_who_is_not_active_is_out_at_once_and_until_active_again(http, ok, moderator):
    user = register(http, "sleeper")
    path = f"/api/users/{user.id}"
    ok(http.patch(path, json={"is_active": False}, headers=moderator.headers), 200)
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401
    assert http.post("/api/auth/login", json={"email": user.email, "password": PASSWORD}).status_code == 401
    ok(http.patch(path, json={"is_active": True}, headers=moderator.headers), 200)
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401
    sign_in(http, user.email, PASSWORD)


def test_a_moderator_has_limits(http, admin, moderator):
    user = register(http, "ordinary")
    other, boss = f"/api/users/{user.id}", f"/api/users/{admin.id}"
    for path, body in (
        (other, {"role": "moderator"}),
        (other, {"password": "taken over by me"}),
        (other, {"email": "taken@house.org"}),
        (boss, {"name": "Not The Boss"}),
        (boss, {"is_active": False}),
        (f"/api/users/{moderator.id}", {"role": "admin"}),
    ):
        answer = http.patch(path, json=body, headers=moderator.headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), body
    assert http.delete(other, headers=moderator.headers).status_code == 403
    assert http.delete(f"{boss}/sessions", headers=moderator.headers).status_code == 403
    assert (
        http.post("/api/roles", json={"name": "mine", "permissions": []}, headers=moderator.headers).status_code == 403
    )
    assert http.patch(other, json={"name": "Renamed"}, headers=moderator.headers).status_code == 200
    assert http.delete(f"{other}/sessions", headers=moderator.headers).status_code == 204
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401


def test_the_last_admin_stays(http, admin):
    boss = f"/api/users/{admin.id}"
    for answer in (
        http.patch(boss, json={"role": "user"}, headers=admin.headers),
        http.patch(boss, json={"is_active": False}, headers=admin.headers),
        http.delete(boss, headers=admin.headers),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_admin")
