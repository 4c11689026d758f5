"""The refresh token as a cookie: who may use it, and what the page sees of it."""

import pytest

from tests import people
from tests.conftest import PASSWORD

APP = "https://app.example.com"
NAME = "__Secure-rollbook-refresh"
FROM_APP = {"Origin": APP}
IN_COOKIE = {"refresh_cookie": True}


@pytest.fixture
def browser(make_app, services, stored):
    """A client of an API with cookies, in which ada has an account."""
    people.add(services, "ada")
    app = make_app(auth_required=True, cors_origins=APP, refresh_cookie=True)
    return app.test_client(use_cookies=False)


def sign_in(browser, headers=FROM_APP, **body):
    sent = {"username": "ada", "password": PASSWORD, **IN_COOKIE} | body
    return browser.post("/api/auth/login", json=sent, headers=headers)


def get_cookie(response):
    name, _, rest = response.headers["Set-Cookie"].partition("=")
    assert name == NAME
    value, *attributes = rest.split("; ")
    return value, set(attributes)


def with_cookie(token, origin=APP):
    return {"Origin": origin, "Cookie": f"{NAME}={token}"}


def send(browser, route, token, **rest):
    headers = with_cookie(token) | rest.pop("headers", {})
    return browser.post(f"/api/auth/{route}", json=rest.get("json", IN_COOKIE), headers=headers)


def test_sign_in_sets_the_cookie_and_hides_the_token(browser):
    response = sign_in(browser)
    value, attributes = get_cookie(response)
    assert attributes == {
        *("Secure", "HttpOnly", "SameSite=Strict", "Path=/api/auth", "Max-Age=604800"),
        next(each for each in attributes if each.startswith("Expires=")),
    }
    assert "refresh_token" not in response.json["data"]
    assert value not in response.text


def test_without_the_flag_the_token_is_in_the_body(browser):
    response = sign_in(browser, refresh_cookie=False)
    assert response.json["data"]["refresh_token"]
    assert "Set-Cookie" not in response.headers


def test_refresh_by_cookie_replaces_the_cookie(browser):
    first, _ = get_cookie(sign_in(browser))
    response = send(browser, "refresh", first)
    assert response.status_code == 200
    second, _ = get_cookie(response)
    assert second != first
    assert "refresh_token" not in response.json["data"]
    assert send(browser, "refresh", second).status_code == 200


def test_token_of_the_body_can_move_into_the_cookie(browser):
    token = sign_in(browser, refresh_cookie=False).json["data"]["refresh_token"]
    body = IN_COOKIE | {"refresh_token": token}
    response = browser.post("/api/auth/refresh", json=body, headers=FROM_APP)
    assert response.status_code == 200
    assert send(browser, "refresh", get_cookie(response)[0]).status_code == 200


def test_logout_by_cookie_ends_the_session(browser):
    signed_in = sign_in(browser)
    token, _ = get_cookie(signed_in)
    response = send(browser, "logout", token, headers={"Authorization": "Bearer an.expired.one"})
    assert response.status_code == 204
    assert get_cookie(response)[0] == ""
    assert "Max-Age=0" in response.headers["Set-Cookie"]
    assert send(browser, "refresh", token).status_code == 401
    access = {"Authorization": f"Bearer {signed_in.json['data']['access_token']}"}
    assert browser.get("/api/auth/me", headers=access).status_code == 401


def test_logout_with_an_unknown_cookie_removes_it(browser):
    response = send(browser, "logout", "unknown")
    assert response.status_code == 401
    assert "Max-Age=0" in response.headers["Set-Cookie"]


@pytest.mark.parametrize("route", ["refresh", "logout"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_other_origin_cannot_use_the_cookie(browser, route, origin):
    token, _ = get_cookie(sign_in(browser))
    headers = {"Cookie": f"{NAME}={token}"} | ({"Origin": origin} if origin else {})
    response = browser.post(f"/api/auth/{route}", json=IN_COOKIE, headers=headers)
    assert (response.status_code, response.json["error"]["code"]) == (403, "origin_not_allowed")
    assert send(browser, "refresh", token).status_code == 200


def test_other_origin_cannot_sign_a_browser_in(browser):
    response = sign_in(browser, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("route", ["refresh", "logout"])
def test_cookie_alone_does_nothing_without_json(browser, route):
    token, _ = get_cookie(sign_in(browser))
    headers = with_cookie(token)
    form = browser.post(f"/api/auth/{route}", data="refresh_cookie=true", headers=headers)
    assert form.status_code == 415
    assert browser.post(f"/api/auth/{route}", json={}, headers=headers).status_code in (400, 401)
    assert send(browser, "refresh", token).status_code == 200


def test_missing_cookie_is_no_attempt_to_sign_in(make_app, services, stored):
    people.add(services, "ada")
    client = make_app(
        auth_required=True,
        cors_origins=APP,
        refresh_cookie=True,
        ratelimit_enabled=True,
        ratelimit_auth="1/hour",
    ).test_client(use_cookies=False)
    for _ in range(5):
        response = client.post("/api/auth/refresh", json=IN_COOKIE, headers=FROM_APP)
        assert response.status_code == 401
        assert "Set-Cookie" not in response.headers
    assert sign_in(client).status_code == 200


def test_cookie_of_an_ended_session_is_removed(browser):
    token, _ = get_cookie(sign_in(browser))
    assert send(browser, "logout", token).status_code == 204
    response = send(browser, "refresh", token)
    assert response.status_code == 401
    assert "Max-Age=0" in response.headers["Set-Cookie"]


def test_cookies_are_off_by_default(make_app, services, stored):
    people.add(services, "ada")
    response = sign_in(make_app(auth_required=True, cors_origins=APP).test_client())
    assert response.status_code == 400
    assert response.json["error"]["details"][0]["code"] == "not_enabled"
