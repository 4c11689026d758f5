"""The Python client against a running rollbook, over HTTP."""

from concurrent.futures import ThreadPoolExecutor

import anyio
import flask
import httpx
import jwt
import pytest
from rollbook_client import AsyncClient, Client, RollbookError, Tokens

from tests import people
from tests.conftest import PASSWORD
from tests.harness.browser import serving

HS_SECRET = "e0d6c8f1a7b3492d5f60718293a4b5c6"


@pytest.fixture
def guarded(services):
    people.add(services, "root", role="admin")
    return {"auth_required": True}


@pytest.fixture
def url(make_app, guarded):
    with serving(make_app(**guarded)) as url:
        yield url


@pytest.fixture
def admin(url):
    with Client(url) as client:
        client.sign_in("root@example.com", PASSWORD)
        yield client


def add_users(client, *names):
    for name in names:
        client.create_user(email=f"{name}@example.com", username=name, password=PASSWORD)


def get_error(send, *arguments, **named):
    with pytest.raises(RollbookError) as caught:
        send(*arguments, **named)
    return caught.value


def test_user_is_created_changed_deleted_and_restored(admin):
    created = admin.create_user(email="ada@example.com", username="ada", password=PASSWORD)
    changed = admin.change_user("ada", first_name="Ada", metadata={"team": "blue"})
    assert (changed["id"], changed["first_name"], changed["version"]) == (created["id"], "Ada", 2)
    assert admin.read_user("ada@example.com") == changed
    assert admin.change_user("ada", first_name=None)["first_name"] is None
    admin.delete_user(created["id"])
    assert get_error(admin.read_user, "ada").code == "user_not_found"
    assert admin.restore_user(created["id"])["username"] == "ada"
    actions = [entry["action"] for entry in admin.list_user_history("ada")]
    assert actions[:2] == ["user.restored", "user.deleted"]


def test_async_client_does_the_same(url):
    async def run():
        async with AsyncClient(url) as admin:
            user = await admin.sign_in("root", PASSWORD)
            await admin.create_user(email="ada@example.com", password=PASSWORD)
            await admin.change_user("ada@example.com", username="ada")
            names = [each["username"] async for each in admin.list_users(page_size=1, sort="name")]
            await admin.sign_out()
            return user["username"], names, admin.tokens

    assert anyio.run(run) == ("root", ["ada", "root"], None)


def test_stale_version_is_refused(admin):
    add_users(admin, "ada")
    admin.change_user("ada", first_name="Ada", if_match=1)
    error = get_error(admin.change_user, "ada", first_name="Eve", if_match=1)
    assert (error.status, error.code) == (412, "stale_version")
    assert admin.change_user("ada", first_name="Eve", if_match="*")["version"] == 3


def test_error_names_fields_and_request(admin):
    error = get_error(admin.create_user, email="no address", password=PASSWORD)
    assert (error.status, error.code) == (400, "validation_failed")
    assert [detail["field"] for detail in error.details] == ["email"]
    assert len(error.request_id) == 32
    assert str(error).startswith("400 validation_failed: ")
    assert f" email: {error.details[0]['message']}" in str(error)


def test_list_continues_over_all_pages(admin):
    add_users(admin, *(f"user{number}" for number in range(5)))
    users = admin.list_users(page_size=2, sort="username")
    expected = ["root", *(f"user{number}" for number in range(5))]
    assert [user["username"] for user in users] == expected
    assert [user["username"] for user in users] == expected, "it can be iterated again"
    pages = list(users.pages())
    assert [len(page.items) for page in pages] == [2, 2, 2]
    assert pages[0].pagination["total_items"] == 6
    later = admin.list_users(page_size=2, page=2, sort="username")
    assert [user["username"] for user in later] == expected[2:]
    assert [user["username"] for user in admin.list_users(q="user3", is_active=True)] == ["user3"]
    assert list(admin.list_users(is_active=False)) == []


def test_reference_with_any_characters_is_quoted(admin):
    external_id = "auth0|5f#7?c &%ü"
    admin.create_user(email="ada@example.com", password=PASSWORD, external_id=external_id)
    assert admin.read_user(f"ext:{external_id}")["email"] == "ada@example.com"


def test_json_patch_and_dynamic_filters_go_through_send(admin):
    add_users(admin, "ada")
    patch = [{"op": "test", "path": "/username", "value": "ada"}]
    patch += [{"op": "add", "path": "/metadata/team", "value": "blue"}]
    headers = {"Content-Type": "application/json-patch+json"}
    user = admin.send("PATCH", "/users/ada", json=patch, headers=headers)
    assert user["metadata"] == {"team": "blue"}
    assert len(list(admin.pages("/users", {"role": "user"}))) == 1


def invalidate(client, access="broken"):
    client._session.tokens = Tokens(access, client.tokens.refresh)


def expire(token):
    claims = jwt.decode(token, options={"verify_signature": False})
    headers = jwt.get_unverified_header(token)
    return jwt.encode({**claims, "exp": claims["iat"] - 1}, HS_SECRET, headers=headers)


@pytest.mark.parametrize("change", [expire, lambda token: "broken"])
def test_expired_token_is_refreshed(make_app, guarded, change):
    kept = []
    app = make_app(**guarded, jwt_secret_key=HS_SECRET)
    with serving(app) as url, Client(url, on_tokens=kept.append) as client:
        client.sign_in("root", PASSWORD)
        invalidate(client, change(client.tokens.access))
        assert client.read_me()["username"] == "root"
    assert len(kept) == 2
    assert kept[1].refresh != kept[0].refresh


def test_parallel_calls_refresh_once(make_app, guarded):
    kept = []
    app = make_app(**guarded, refresh_reuse_seconds=0)
    with serving(app) as url, Client(url, on_tokens=kept.append) as client:
        client.sign_in("root", PASSWORD)
        invalidate(client)
        with ThreadPoolExecutor(20) as pool:
            names = list(pool.map(lambda _: client.read_me()["username"], range(20)))
        assert (set(names), len(kept)) == ({"root"}, 2)
        assert client.read_me()["username"] == "root", "the session is alive"


def test_async_calls_refresh_once(make_app, guarded):
    async def run(url):
        kept = []
        async with AsyncClient(url, on_tokens=kept.append) as client:
            await client.sign_in("root", PASSWORD)
            invalidate(client)
            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(client.read_me)
        return len(kept)

    with serving(make_app(**guarded, refresh_reuse_seconds=0)) as url:
        assert anyio.run(run, url) == 2


def test_ended_session_is_an_error(admin, url):
    kept = []
    with Client(url, tokens=admin.tokens, on_tokens=kept.append) as other:
        admin.sign_out()
        assert admin.tokens is None
        assert get_error(other.read_me).code == "invalid_refresh_token"
        assert kept == [None]
        other.sign_out()
    assert get_error(admin.read_me).code == "unauthenticated"


def test_tokens_are_not_shown(admin):
    assert admin.tokens.access not in repr(admin.tokens)
    assert admin.tokens.refresh not in repr(admin.tokens)


def test_call_waits_for_a_limit(make_app, guarded):
    limits = {"ratelimit_enabled": True, "ratelimit_default": "3/second"}
    with serving(make_app(**guarded, **limits)) as url:
        patient, impatient = Client(url, max_wait=10), Client(url, max_wait=0)
        with patient, impatient:
            for _ in range(5):
                assert patient.read_password_policy()["min_length"] == 8
            with pytest.raises(RollbookError, match="429 too_many_requests"):
                for _ in range(20):
                    impatient.read_password_policy()


class Lossy(httpx.HTTPTransport):
    """Loses the response to the first request for each path."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_request(self, request):
        response = super().handle_request(request)
        self.seen.append(request.url.path)
        if self.seen.count(request.url.path) == 1:
            response.read()
            raise httpx.ReadError("lost")
        return response


def test_lost_response_creates_no_second_user(url):
    transport = Lossy()
    with Client(url, http=httpx.Client(transport=transport)) as client:
        with pytest.raises(httpx.ReadError):
            client.sign_in("root", PASSWORD)
        client.sign_in("root", PASSWORD)
        add_users(client, "ada")
        assert transport.seen.count("/api/users") == 2
        assert client.read_user("ada")["version"] == 1
        with pytest.raises(httpx.ReadError):
            client.send("PUT", "/users/root", json={"first_name": "Ruth"})


def test_lost_refresh_keeps_the_session(url):
    transport = Lossy()
    with Client(url, http=httpx.Client(transport=transport)) as client:
        with pytest.raises(httpx.ReadError):
            client.sign_in("root", PASSWORD)
        client.sign_in("root", PASSWORD)
        invalidate(client)
        assert client.read_me()["username"] == "root"
        assert transport.seen.count("/api/auth/refresh") == 2


@pytest.mark.parametrize("status", [200, 404, 502])
def test_response_of_something_else_names_the_url(status):
    page = flask.Flask("a page")
    page.add_url_rule("/<path:path>", "page", lambda path: ("<!doctype html>", status))
    with serving(page) as url, Client(url) as client:
        error = get_error(client.read_password_policy)
    assert (error.status, error.code) == (status, "unknown")
    assert f"{url}/api/password-policy did not respond as rollbook does" in error.message


def test_other_prefix_is_used(make_app, guarded):
    app = make_app(**guarded, api_prefix="/v1")
    with serving(app) as url, Client(f"{url}/v1", api_prefix="/v1") as client:
        assert client.sign_in("root", PASSWORD)["username"] == "root"
        [session] = client.list_sessions()
    assert session["user_agent"] == "rollbook-client/0.3.0"
