"""CORS: which origins may call the API from a browser, and what their pages see (WHATWG Fetch)."""

import pytest

from rollbook.cors.origins import AllowedOrigins
from rollbook.openapi.headers import RESPONSE_HEADERS
from tests.conftest import ADA

APP = "https://app.example.com"
PREFLIGHT = {
    "Origin": APP,
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,content-type,if-match",
}


@pytest.mark.parametrize(
    ("listed", "origin", "allowed"),
    [
        (APP, APP, True),
        (APP, "http://app.example.com", False),
        (APP, "https://app.example.com:8443", False),
        (APP, "https://app.example.com.evil.example", False),
        (APP, "https://app-example.com", False),
        (APP, APP + "\n", False),
        (f"http://localhost:3000, {APP}", APP, True),
        ("https://*.example.com", APP, True),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("https://*.example.com", "https://evilexample.com", False),
        ("https://*.example.com", "https://evil.example/.example.com", False),
        ("http://[::1]:3000", "http://[::1]:3000", True),
        (APP, "null", False),
        (APP, None, False),
        ("", APP, False),
    ],
)
def test_only_listed_origins_are_allowed(listed, origin, allowed):
    assert AllowedOrigins.parse(listed).allow(origin) is allowed


@pytest.fixture
def cors(make_app):
    return make_app(auth_required=True, cors_origins=f"{APP},https://*.example.org").test_client()


def test_preflight_allows_methods_and_headers(cors):
    response = cors.options("/api/users/ada", headers=PREFLIGHT)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == APP
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "PATCH" in response.headers["Access-Control-Allow-Methods"].split(", ")
    allowed = response.headers["Access-Control-Allow-Headers"]
    assert allowed == "authorization, content-type, if-match"
    assert response.headers["Access-Control-Max-Age"] == "600"


@pytest.mark.parametrize("origin", [APP, "https://evil.example"])
def test_refusals_by_the_server_have_the_same_headers(cors, origin):
    answered = dict(cors.get("/api/users", headers={"Origin": origin}).headers)
    built = AllowedOrigins.parse(APP).build_headers(origin, RESPONSE_HEADERS)
    assert built.pop("Vary") in answered["Vary"]
    assert built == {name: value for name, value in answered.items() if "Access-C" in name}


def test_preflights_have_no_limit(make_app):
    client = make_app(
        cors_origins=APP, ratelimit_enabled=True, ratelimit_default="2/minute"
    ).test_client()
    for _ in range(5):
        response = client.options("/api/users", headers=PREFLIGHT)
        assert response.status_code == 204
        assert "RateLimit" not in response.headers
    assert client.options("/api/users").status_code == 204
    assert client.get("/api/users").status_code == 200
    assert client.get("/api/users", headers={"Origin": APP}).status_code == 429


@pytest.mark.parametrize("origin", ["https://evil.example", "https://example.org", "null"])
def test_other_origins_get_no_cors_headers(cors, origin):
    for response in (
        cors.options("/api/users", headers=PREFLIGHT | {"Origin": origin}),
        cors.get("/api/password-policy", headers={"Origin": origin}),
    ):
        assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
        assert "Origin" in response.vary


def test_pages_may_read_the_headers_of_the_api(cors):
    response = cors.get("/api/users", headers={"Origin": "https://a.example.org"})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "https://a.example.org"
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {
        *("ETag", "Link", "Location", "Retry-After", "X-Request-ID", "Idempotency-Replayed"),
        *("RateLimit", "RateLimit-Policy", "X-RateLimit-Remaining"),
    } <= set(exposed)


@pytest.mark.parametrize("path", ["/api/users", "/health", "/openapi.json", "/docs", "/nowhere"])
def test_every_response_varies_by_origin(cors, path):
    with cors.get(path) as response:
        assert "Origin" in response.vary
        assert "Access-Control-Allow-Origin" not in response.headers


def test_no_origin_is_allowed_by_default(client):
    response = client.options("/api/users", headers=PREFLIGHT)
    assert response.status_code == 204
    assert "Access-Control-Allow-Origin" not in response.headers


def test_open_api_trusts_the_pages_of_listed_origins(make_app):
    client = make_app(cors_origins=APP).test_client()
    page = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    assert client.post("/api/users", json=ADA, headers=page).status_code == 201
    page["Origin"] = "https://evil.example"
    assert client.post("/api/users", json=ADA, headers=page).status_code == 403
