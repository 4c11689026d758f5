"""An open API (AUTH_REQUIRED=false) refuses foreign web pages and foreign host names."""

import pytest

from tests.conftest import ADA

METADATA = "/.well-known/oauth-authorization-server"


def code(answer):
    return answer.json["error"]["code"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5000", "localhost.evil.example", "127.0.0.2", "[::2]"]
)
def test_foreign_host_name_is_rejected(client, host):
    for send in (client.get, client.post):
        answer = send("/api/users", headers={"Host": host})
        assert (answer.status_code, code(answer)) == (400, "host_not_allowed")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "LOCALHOST", "127.0.0.1:5000", "[::1]:5000"]
)
def test_own_host_names_are_allowed(client, host):
    assert client.get("/api/users", headers={"Host": host}).status_code == 200


def test_only_allowed_hosts_are_served(make_app):
    client = make_app(allowed_hosts="users.internal, API").test_client()
    assert client.get("/api/users", headers={"Host": "Users.Internal:80"}).status_code == 200
    assert client.get("/api/users", headers={"Host": "api"}).status_code == 200
    assert client.get("/api/users", headers={"Host": "localhost"}).status_code == 400


FOREIGN = [
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://["},
    {"Origin": "http://localhost:8080"},
    {"Sec-Fetch-Site": "cross-site"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_page_of_another_origin_cannot_change_anything(client, ada, stored, headers):
    client.delete(f"/api/users/{ada['id']}")
    answer = client.post(
        f"/api/users/{ada['id']}/restore", data="x", content_type="text/plain", headers=headers
    )
    assert (answer.status_code, code(answer)) == (403, "cross_origin")
    assert stored.users.find_one()["is_deleted"] is True


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}]
)
def test_own_pages_and_programs_can_make_changes(client, stored, headers):
    assert client.post("/api/users", json=ADA, headers=headers).status_code == 201


def test_health_probe_may_use_any_host_name(client):
    for path in ("/health", "/ready", "/ping"):
        assert client.get(path, headers={"Host": "10.0.0.7"}).status_code == 200


def test_guarded_api_serves_every_host_name(guarded):
    answer = guarded.get("/api/password-policy", headers={"Host": "evil.example"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/api/password-policy", METADATA, "/openapi.json", "/docs", "/x"])
def test_guarded_api_serves_only_allowed_hosts(make_app, path):
    client = make_app(auth_required=True, allowed_hosts="users.example").test_client()
    assert client.get(path, headers={"Host": "users.example"}).status_code in (200, 404)
    answer = client.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, code(answer)) == (400, "host_not_allowed")
    for probe in ("/health", "/ready", "/ping", "/metrics"):
        assert client.get(probe, headers={"Host": "10.0.0.7"}).status_code == 200
