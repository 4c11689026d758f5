"""Compressed responses, and those that must never be compressed."""

import pytest

from rollbook.openapi.specification import list_operations
from tests.conftest import ADA, PASSWORD
from tests.harness.contract import DECOMPRESS

BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}


@pytest.fixture
def many(client):
    for number in range(20):
        client.post("/api/users", json=ADA | {"email": f"ada{number}@example.com"})


@pytest.mark.parametrize("algorithm", ["zstd", "br", "gzip"])
def test_list_is_compressed_as_client_asks(client, many, algorithm):
    plain = client.get("/api/users")
    assert "Content-Encoding" not in plain.headers
    response = client.get("/api/users", headers={"Accept-Encoding": algorithm})
    assert response.headers["Content-Encoding"] == algorithm
    assert int(response.headers["Content-Length"]) == len(response.data) < len(plain.data) / 3
    users = DECOMPRESS[algorithm](response.data)
    assert users.count(b'"email"') == 20


def test_browser_gets_zstd(client):
    response = client.get("/openapi.json", headers=BROWSER)
    assert response.headers["Content-Encoding"] == "zstd"
    assert len(response.data) < 40_000
    assert DECOMPRESS["zstd"](response.data) == client.get("/openapi.json").data


def test_page_of_documentation_is_compressed(client):
    with client.get("/docs/swagger-ui-bundle.js", headers=BROWSER) as response:
        assert len(response.data) < 500_000
        assert b"SwaggerUIBundle" in DECOMPRESS["zstd"](response.data)


@pytest.mark.parametrize(
    "accepted",
    [
        "",
        "identity",
        "gzip;q=0",
        "deflate",
        "compress",
        "gzip;q=0, br;q=0, zstd;q=0",
        "gzip;q=0, *",
        "br;q=0, *;q=0.5",
    ],
)
def test_client_that_accepts_none_gets_plain_text(client, accepted):
    response = client.get("/openapi.json", headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in response.headers


def test_every_read_says_that_it_varies(client, ada):
    for headers in ({}, BROWSER):
        for path in ("/openapi.json", "/api/users", f"/api/users/{ada['id']}", "/nowhere"):
            varies = ", ".join(client.get(path, headers=headers).headers.getlist("Vary"))
            assert "Accept-Encoding" in varies
            assert "Origin" in varies


def test_small_response_is_not_compressed(client, ada):
    response = client.get(f"/api/users/{ada['id']}", headers=BROWSER)
    assert (response.status_code, response.headers.get("Content-Encoding")) == (200, None)


def test_etag_of_a_compressed_response_still_counts(client, ada):
    path = f"/api/users/{ada['id']}"
    client.patch(path, json={"metadata": {"about": "word " * 400}})
    compressed = client.get(path, headers=BROWSER)
    assert compressed.headers["ETag"] == '"2:zstd"'
    tag = compressed.headers["ETag"]
    unchanged = client.get(path, headers={**BROWSER, "If-None-Match": tag})
    assert (unchanged.status_code, unchanged.headers["ETag"]) == (304, tag)
    body = {"first_name": "Ada"}
    assert client.patch(path, json=body, headers={"If-Match": tag}).status_code == 200
    assert client.patch(path, json=body, headers={"If-Match": tag}).status_code == 412


def test_response_with_a_token_is_never_compressed(client):
    client.post("/api/users", json=ADA | {"metadata": {"about": "word " * 400}})
    credentials = {"email": ADA["email"], "password": PASSWORD}
    response = client.post("/api/auth/login", json=credentials, headers=BROWSER)
    assert response.json["data"]["access_token"]
    assert len(response.data) > 2000
    assert "Content-Encoding" not in response.headers


def test_responses_with_tokens_belong_to_other_methods_than_get(make_app):
    tokens = {"access_token", "refresh_token", "token", "password", "secret"}
    carriers = set()
    for operation in list_operations(make_app()):
        returns = operation.declaration.returns
        if returns and tokens & set(returns.model_fields):
            carriers.add(operation.method)
    assert carriers == {"POST"}
