"""Managed: roles, both tokens, paging, disabled users, the limits of a moderator."""

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
    response = http.patch(
        f"/api/users/{user.id}", json={"role": "moderator"}, headers=admin.headers
    )
    assert response.json()["data"]["role"] == "moderator"
    return user


def test_health_and_readiness_need_no_token(http, check):
    assert check(http.get("/health"), 200)["auth_required"] is True
    assert check(http.get("/ready"), 200)["status"] == "ready"


def test_user_can_register_without_a_display_name(http, check):
    body = {"username": "marie", "email": "marie@example.com", "password": PASSWORD}
    body |= {"first_name": "Marie", "last_name": "Curie"}
    assert check(http.post("/api/users", json=body), 201)["name"] == "Marie Curie"


def test_sign_out_ends_the_old_and_the_new_token(http, check):
    user = register(http, "traveller")
    assert check(http.get("/api/auth/me", headers=user.headers), 200)["role"] == "user"
    new = check(http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token}), 200)
    fresh = {"Authorization": f"Bearer {new['access_token']}"}
    check(http.post("/api/auth/logout", headers=fresh), 204)
    assert http.get("/api/auth/me", headers=fresh).status_code == 401
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401


def test_patch_and_put_change_the_sent_fields(http, check, admin):
    user = register(http, "changing")
    for method in ("PATCH", "PUT"):
        response = http.request(
            method, f"/api/users/{user.id}", json={"first_name": method}, headers=admin.headers
        )
        assert check(response, 200)["first_name"] == method


def test_page_size_is_at_most_100(http, check, moderator):
    assert check(http.get("/api/users?page_size=100", headers=moderator.headers), 200)
    assert http.get("/api/users?page_size=101", headers=moderator.headers).status_code == 400
    page = http.get("/api/users?page_size=1&page=2", headers=moderator.headers).json()["pagination"]
    assert (page["page"], page["page_size"], page["has_previous"]) == (2, 1, True)


def test_disabled_user_is_signed_out_until_enabled(http, check, moderator):
    user = register(http, "sleeper")
    path = f"/api/users/{user.id}"
    check(http.patch(path, json={"is_active": False}, headers=moderator.headers), 200)
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401
    assert (
        http.post("/api/auth/login", json={"email": user.email, "password": PASSWORD}).status_code
        == 401
    )
    check(http.patch(path, json={"is_active": True}, headers=moderator.headers), 200)
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401
    sign_in(http, user.email, PASSWORD)


def test_moderator_has_limited_permissions(http, admin, moderator):
    user = register(http, "ordinary")
    user_path, admin_path = f"/api/users/{user.id}", f"/api/users/{admin.id}"
    for path, body in (
        (user_path, {"role": "moderator"}),
        (user_path, {"password": "taken over by me"}),
        (user_path, {"email": "taken@house.org"}),
        (admin_path, {"name": "Not The Boss"}),
        (admin_path, {"is_active": False}),
        (f"/api/users/{moderator.id}", {"role": "admin"}),
    ):
        response = http.patch(path, json=body, headers=moderator.headers)
        assert (response.status_code, response.json()["error"]["code"]) == (403, "forbidden"), body
    assert http.delete(user_path, headers=moderator.headers).status_code == 403
    assert http.delete(f"{admin_path}/sessions", headers=moderator.headers).status_code == 403
    assert (
        http.post(
            "/api/roles", json={"name": "mine", "permissions": []}, headers=moderator.headers
        ).status_code
        == 403
    )
    assert (
        http.patch(user_path, json={"name": "Renamed"}, headers=moderator.headers).status_code
        == 200
    )
    assert http.delete(f"{user_path}/sessions", headers=moderator.headers).status_code == 204
    assert http.get("/api/auth/me", headers=user.headers).status_code == 401


def test_last_admin_cannot_be_removed(http, admin):
    admin_path = f"/api/users/{admin.id}"
    for response in (
        http.patch(admin_path, json={"role": "user"}, headers=admin.headers),
        http.patch(admin_path, json={"is_active": False}, headers=admin.headers),
        http.delete(admin_path, headers=admin.headers),
    ):
        assert (response.status_code, response.json()["error"]["code"]) == (409, "last_admin")
