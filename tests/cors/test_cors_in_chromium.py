"""Pages of two origins call the API with fetch, in a real Chromium."""

import flask
import pytest
from playwright.sync_api import sync_playwright

from tests import people
from tests.conftest import PASSWORD
from tests.harness.browser import CHROMIUM, QUIET, needs_chromium, serving

CALL = """async ([url, method, body, token]) => {
    const headers = {"Content-Type": "application/json"};
    if (token) headers.Authorization = `Bearer ${token}`;
    const sent = body && JSON.stringify(body);
    try {
        const response = await fetch(url, {method, headers, body: sent, credentials: "include"});
        const text = await response.text();
        return {
            status: response.status,
            etag: response.headers.get("ETag"),
            requestId: response.headers.get("X-Request-ID"),
            data: text ? JSON.parse(text).data : null,
            cookie: document.cookie,
        };
    } catch (error) {
        return {status: 0, error: String(error)};
    }
}"""
IN_COOKIE = {"refresh_cookie": True}


def make_page_server():
    page = flask.Flask("a page")
    page.add_url_rule("/", "page", lambda: "<!doctype html><title>App</title>")
    return page


@pytest.mark.long
@needs_chromium
def test_listed_origin_signs_in_and_another_cannot_read(make_app, services, stored):
    people.add(services, "ada")
    with serving(make_page_server()) as listed, serving(make_page_server()) as other:
        listed, other = (each.replace("127.0.0.1", "localhost") for each in (listed, other))
        app = make_app(auth_required=True, cors_origins=listed, refresh_cookie=True)
        with serving(app) as api, sync_playwright() as playwright:
            api = api.replace("127.0.0.1", "localhost") + "/api"
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            context = browser.new_context()
            page = context.new_page()
            page.goto(listed)

            def call(path, method="GET", body=None, token=None):
                return page.evaluate(CALL, [api + path, method, body, token])

            login = {"username": "ada", "password": PASSWORD, **IN_COOKIE}
            signed_in = call("/auth/login", "POST", login)
            assert (signed_in["status"], signed_in["cookie"]) == (200, "")
            assert "refresh_token" not in signed_in["data"]
            token = signed_in["data"]["access_token"]
            read = call("/users/me", token=token)
            assert (read["status"], read["etag"]) == (200, '"1"')
            assert read["requestId"]
            changed = call("/users/me", "PATCH", {"first_name": "Ada"}, token)
            assert changed["status"] == 200
            assert call("/auth/refresh", "POST", IN_COOKIE)["status"] == 200
            (cookie,) = context.cookies(f"{api}/auth/refresh")
            assert (cookie["httpOnly"], cookie["secure"]) == (True, True)

            page.goto(other)
            for path, method, body in (
                ("/auth/refresh", "POST", IN_COOKIE),
                ("/auth/logout", "POST", IN_COOKIE),
                ("/password-policy", "GET", None),
            ):
                assert call(path, method, body)["status"] == 0

            page.goto(listed)
            assert call("/auth/refresh", "POST", IN_COOKIE)["status"] == 200
            assert call("/auth/logout", "POST", IN_COOKIE)["status"] == 204
            assert context.cookies(f"{api}/auth/refresh") == []
            assert call("/auth/refresh", "POST", IN_COOKIE)["status"] == 401
            browser.close()
