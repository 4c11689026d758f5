"""Token introspection (RFC 7662) and server metadata (RFC 8414)."""

import secrets
import time

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests import people

SECRET = secrets.token_hex(32)


@pytest.fixture
def client(make_app, services, stored):
    people.add(services, "root", role="admin")
    return make_app(
        auth_required=True, trusted_clients=f"shop:{SECRET}", ratelimit_enabled=True
    ).test_client()


def introspect(client, token, auth=("shop", SECRET), **more):
    form = "&".join(f"{name}={value}" for name, value in {"token": token, **more}.items())
    return client.post(
        "/oauth/introspect",
        data=form,
        content_type="application/x-www-form-urlencoded",
        auth=auth,
    )


def test_valid_token_is_described_as_of_now(client, services):
    ada = people.person(services, client, "ada", role="moderator")
    token = ada.signed_in["access_token"]
    response = introspect(client, token, token_type_hint="access_token")
    assert response.status_code == 200
    described = response.json
    assert described["active"] is True
    assert (described["sub"], described["role"]) == (ada.id, "moderator")
    assert "users:read" in described["scope"].split()
    assert described["exp"] > time.time()
    root = people.sign_in(client, "root@example.com").json["data"]["access_token"]
    as_root = {"Authorization": f"Bearer {root}"}
    client.patch(f"/api/users/{ada.id}", json={"role": "user"}, headers=as_root)
    assert introspect(client, token).json["scope"] == ""
    client.patch(f"/api/users/{ada.id}", json={"is_active": False}, headers=as_root)
    assert introspect(client, token).json == {"active": False}


@pytest.mark.parametrize("token", ["x", "a.b.c", "%C3%A9"])
def test_other_tokens_are_inactive(client, token):
    assert introspect(client, token).json == {"active": False}


def test_refresh_token_is_inactive(client):
    token = people.sign_in(client, "root@example.com").json["data"]["refresh_token"]
    assert introspect(client, token).json == {"active": False}


@pytest.mark.parametrize("auth", [None, ("shop", "wrong"), ("desk", SECRET), ("", SECRET)])
def test_only_trusted_clients_may_ask(client, auth):
    response = introspect(client, "x", auth=auth)
    assert (response.status_code, response.json["error"]["code"]) == (401, "unknown_client")
    assert response.headers["WWW-Authenticate"].startswith("Basic")


def test_access_token_of_an_admin_is_not_enough(client):
    token = people.sign_in(client, "root@example.com").json["data"]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert client.post("/oauth/introspect", data="token=x", headers=headers).status_code == 401


def test_trusted_client_has_no_limit(client):
    assert {introspect(client, "x").status_code for _ in range(60)} == {200}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("", "application/x-www-form-urlencoded", 400),
        ("token=", "application/x-www-form-urlencoded", 400),
        ("token=a&token=b", "application/x-www-form-urlencoded", 400),
        ("&".join(f"a{n}=1" for n in range(99)), "application/x-www-form-urlencoded", 400),
        (b"token=\xff", "application/x-www-form-urlencoded", 400),
        ('{"token": "x"}', "application/json", 415),
    ],
)
def test_request_that_is_no_form_is_refused(client, body, content_type, status):
    sent = body if isinstance(body, bytes) else body.encode()
    response = client.post(
        "/oauth/introspect", data=sent, content_type=content_type, auth=("shop", SECRET)
    )
    assert response.status_code == status


def test_metadata_leads_to_the_keys(make_app, services, stored):
    people.add(services, "ada")
    issuer = "https://users.example.com"
    client = make_app(auth_required=True, jwt_issuer=issuer).test_client()
    metadata = client.get("/.well-known/oauth-authorization-server").json
    assert metadata["issuer"] == issuer
    assert metadata["jwks_uri"] == f"{issuer}/.well-known/jwks.json"
    assert metadata["introspection_endpoint"] == f"{issuer}/oauth/introspect"
    algorithms = metadata["access_token_signing_alg_values_supported"]
    keys = KeySet.import_key_set(client.get("/.well-known/jwks.json").json)
    token = people.sign_in(client, "ada@example.com").json["data"]["access_token"]
    assert jwt.decode(token, keys, algorithms=algorithms).claims["iss"] == issuer


def test_metadata_without_public_keys(make_app, stored):
    client = make_app(jwt_algorithm="HS256", jwt_secret_key=secrets.token_hex(32)).test_client()
    metadata = client.get("/.well-known/oauth-authorization-server").json
    assert "jwks_uri" not in metadata
    assert metadata["introspection_endpoint"] == "http://localhost/oauth/introspect"
