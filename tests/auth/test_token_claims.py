"""JWT_ISSUER, JWT_AUDIENCE and TOKEN_CLAIMS: what access tokens tell other services."""

import pytest

from tests import people
from tests.auth.test_forged_tokens import decode_parts


@pytest.fixture
def sign_in(make_app, services, stored):
    """Signs ada in at an app with these settings, and returns the client and the claims."""
    people.add(
        services,
        "ada",
        role="moderator",
        metadata={"team": {"name": "blue"}, "long": "x" * 3_000},
        app_metadata={"plan": "pro"},
    )

    def at(**settings):
        client = make_app(auth_required=True, **settings).test_client()
        data = people.sign_in(client, "ada@example.com").json["data"]
        headers = {"Authorization": f"Bearer {data['access_token']}"}
        assert client.get("/api/auth/me", headers=headers).status_code == 200
        return client, data, decode_parts(data["access_token"])[1]

    return at


def test_token_has_only_ids_by_default(sign_in):
    claims = sign_in()[2]
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"}
    assert (claims["iss"], claims["aud"]) == ("rollbook", "rollbook")


def test_chosen_claims_are_in_the_token(sign_in):
    names = "email, name,username,role,permissions,metadata.team.name,app_metadata,metadata.none"
    claims = sign_in(token_claims=names)[2]
    assert claims["email"] == "ada@example.com"
    assert (claims["role"], claims["username"]) == ("moderator", "ada")
    assert "users:read" in claims["permissions"]
    assert (claims["metadata"], claims["app_metadata"]) == (
        {"team": {"name": "blue"}},
        {"plan": "pro"},
    )


def test_claims_are_renewed_by_a_refresh_and_never_trusted(sign_in, services):
    client, data, _ = sign_in(token_claims="role,permissions")
    root = people.person(services, client, "root", role="admin")
    root.patch("/api/users/ada", json={"role": "user"})
    headers = {"Authorization": f"Bearer {data['access_token']}"}
    assert client.get("/api/users", headers=headers).status_code == 403
    body = {"refresh_token": data["refresh_token"]}
    renewed = client.post("/api/auth/refresh", json=body).json["data"]
    assert decode_parts(renewed["access_token"])[1]["role"] == "user"


def test_claims_that_are_too_long_are_left_out(sign_in, caplog):
    claims = sign_in(token_claims="metadata,role")[2]
    assert claims["role"] == "moderator"
    assert "metadata" not in claims
    assert "claim metadata is too long" in caplog.text


def test_issuer_and_audiences_are_set_and_checked(sign_in, make_app):
    settings = {"jwt_issuer": "https://users.example.com", "jwt_audience": "orders, billing"}
    _, data, claims = sign_in(**settings)
    assert (claims["iss"], claims["aud"]) == (settings["jwt_issuer"], ["orders", "billing"])
    headers = {"Authorization": f"Bearer {data['access_token']}"}
    for changed, status in (
        ({}, 401),
        (settings | {"jwt_issuer": "https://other.example.com"}, 401),
        (settings | {"jwt_audience": "orders"}, 401),
        (settings | {"jwt_audience": "billing,orders,shop"}, 200),
    ):
        client = make_app(auth_required=True, **changed).test_client()
        assert client.get("/api/auth/me", headers=headers).status_code == status, changed


def test_private_metadata_cannot_be_a_claim(make_app, services):
    with pytest.raises(ValueError, match="token_claims"):
        make_app(token_claims="private_metadata")
