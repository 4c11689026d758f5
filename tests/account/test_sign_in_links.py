"""Sign in by a link, where SIGN_IN_LINKS allows it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.access.principal import COMMAND_LINE
from rollbook.services import build_services
from rollbook.settings import Settings
from rollbook.users.schemas import UserPatch
from tests import people
from tests.conftest import PASSWORD, build_app
from tests.harness.post import Post, read_text, read_token

ADDRESS, LINK = "ada@example.com", "https://app.house.org/sign-in#"


@pytest.fixture
def on(post_settings):
    changes = {
        "sign_in_links": True,
        "link_url": LINK + "{token}",
        "auth_required": True,
        "refresh_cookie": True,
        "cors_origins": "https://app.house.org",
    }
    return Settings.model_validate(post_settings.model_dump() | changes)


@pytest.fixture
def post(on, tmp_path, stored):
    return Post(tmp_path / "mail", build_services(on))


@pytest.fixture
def api(database, on, stored):
    return build_app(database, on).test_client()


@pytest.fixture
def ada(post, api):
    person = people.person(post.services, api, "ada")
    post.deliver()
    return person


def ask(api, post, email=ADDRESS):
    assert api.post("/api/auth/link", json={"email": email}).status_code == 202
    return [read_text(message).split(LINK)[1].split()[0] for message in post.deliver()]


def sign_in(api, token, **body):
    return api.post("/api/auth/link/confirm", json={"token": token, **body})


def test_link_signs_in_once(post, api, ada, stored):
    (token,) = ask(api, post)
    signed_in = sign_in(api, token)
    assert signed_in.status_code == 200
    assert signed_in.json["data"]["user"]["id"] == ada.id
    headers = {"Authorization": f"Bearer {signed_in.json['data']['access_token']}"}
    assert api.get("/api/auth/me", headers=headers).status_code == 200
    assert sign_in(api, token).json["error"]["code"] == "invalid_token"
    entries = stored.audit.find({"action": "auth.login_succeeded", "actor_id": ada.id})
    assert len(list(entries)) == 2


def test_first_link_ends_what_a_stranger_set_up(post, api, stored):
    """The stranger has registered with the address of somebody else, and is signed in."""
    stranger = people.person(post.services, api, "ada")
    post.deliver()
    moved = {"email": "stranger@example.com", "current_password": PASSWORD}
    assert api.patch("/api/users/me", json=moved, headers=stranger.headers).status_code == 200
    pending = read_token(post.deliver_one())
    (token,) = ask(api, post)
    owner = sign_in(api, token).json["data"]
    assert owner["user"]["email_verified_at"]
    assert api.get("/api/auth/me", headers=stranger.headers).status_code == 401
    login = {"email": ADDRESS, "password": PASSWORD}
    assert api.post("/api/auth/login", json=login).status_code == 401
    assert api.post("/api/auth/verification/confirm", json={"token": pending}).status_code == 400
    headers = {"Authorization": f"Bearer {owner['access_token']}"}
    assert api.get("/api/auth/me", headers=headers).status_code == 200
    entry = stored.audit.find_one({"action": "auth.login_succeeded"}, sort=[("at", -1)])
    assert entry["changes"]["password"] == {"before": None, "after": None}


def test_link_of_a_verified_user_keeps_the_password(post, api, ada):
    users = post.services.changes
    users.change_user(ada.id, UserPatch(email_verified=True), actor=COMMAND_LINE)
    (token,) = ask(api, post)
    assert sign_in(api, token).status_code == 200
    login = {"email": ADDRESS, "password": PASSWORD}
    assert api.post("/api/auth/login", json=login).status_code == 200
    assert api.get("/api/auth/me", headers=ada.headers).status_code == 200


def test_refresh_token_can_be_a_cookie(post, api, ada):
    (token,) = ask(api, post)
    foreign = {"Origin": "https://evil.example"}
    body = {"token": token, "refresh_cookie": True}
    assert api.post("/api/auth/link/confirm", json=body, headers=foreign).status_code == 403
    own = {"Origin": "https://app.house.org"}
    signed_in = api.post("/api/auth/link/confirm", json=body, headers=own)
    assert signed_in.status_code == 200
    assert "refresh_token" not in signed_in.json["data"]
    assert "__Secure-rollbook-refresh" in signed_in.headers["Set-Cookie"]


def test_only_an_active_user_gets_a_link(post, api, ada):
    assert ask(api, post, "nobody@example.com") == []
    (token,) = ask(api, post)
    disabled = UserPatch(is_active=False)
    post.services.changes.change_user(ada.id, disabled, actor=COMMAND_LINE)
    post.deliver()
    assert ask(api, post) == []
    assert sign_in(api, token).status_code == 400


def test_link_is_used_once_by_many(post, api, ada):
    (token,) = ask(api, post)
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: sign_in(api, token).status_code, range(20)))
    assert sorted(set(statuses)) == [200, 400]
    assert statuses.count(200) == 1


@pytest.mark.parametrize("path", ["verification/confirm", "password/reset", "email/undo"])
def test_link_is_for_nothing_else(post, api, ada, path):
    (token,) = ask(api, post)
    body = {"token": token, **({"password": PASSWORD + " x"} if "reset" in path else {})}
    assert api.post(f"/api/auth/{path}", json=body).status_code == 400
    assert sign_in(api, token).status_code == 200


def test_off_by_default(database, post_settings, stored):
    api = build_app(database, post_settings, auth_required=True).test_client()
    for path, body in (("link", {"email": ADDRESS}), ("link/confirm", {"token": "x"})):
        refused = api.post(f"/api/auth/{path}", json=body)
        assert (refused.status_code, refused.json["error"]["code"]) == (403, "sign_in_links_off")


@pytest.fixture
def paged(database, on, tmp_path, stored):
    """Without LINK_URL, a link leads to the page of rollbook, which sets the refresh cookie."""
    settings = Settings.model_validate(on.model_dump() | {"link_url": None})
    post = Post(tmp_path / "mail", build_services(settings))
    api = build_app(database, settings).test_client()
    people.add(post.services, "ada", email_verified=True)
    api.post("/api/auth/link", json={"email": ADDRESS})
    return api, read_token(post.deliver_one())


def press(api, token, site="same-origin"):
    """The button of the page. A browser says that its form is from the same origin."""
    headers = {"Sec-Fetch-Site": site} if site else {}
    return api.post("/account/link", data={"token": token}, headers=headers)


def test_page_signs_in_with_the_refresh_cookie(paged):
    api, token = paged
    assert f'value="{token}"' in api.get(f"/account/link?token={token}").text
    done = press(api, token)
    assert done.status_code == 200
    assert 'href="https://app.house.org"' in done.text
    cookie = done.headers["Set-Cookie"]
    assert cookie.startswith("__Secure-rollbook-refresh=")
    assert "Path=/api/auth" in cookie
    headers = {"Origin": "https://app.house.org", "Cookie": cookie.partition(";")[0]}
    refreshed = api.post("/api/auth/refresh", json={"refresh_cookie": True}, headers=headers)
    assert refreshed.json["data"]["user"]["email"] == ADDRESS
    again = press(api, token)
    assert (again.status_code, "Set-Cookie" in again.headers) == (400, False)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", None])
def test_foreign_page_signs_nobody_in(paged, site):
    api, token = paged
    refused = press(api, token, site)
    assert (refused.status_code, "Set-Cookie" in refused.headers) == (403, False)
    assert "The link is still valid." in refused.text
    assert press(api, token).status_code == 200


def test_page_without_the_cookie_signs_nobody_in(database, on, post, stored):
    settings = on.model_copy(update={"refresh_cookie": False})
    api = build_app(database, settings).test_client()
    people.add(post.services, "ada", email_verified=True)
    (token,) = ask(api, post)
    assert press(api, token).status_code == 403
    assert sign_in(api, token).status_code == 200
