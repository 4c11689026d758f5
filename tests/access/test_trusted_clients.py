"""TRUSTED_CLIENTS: a backend forwards the address of the person it acts for."""

import secrets

import pytest

from tests import people
from tests.conftest import PASSWORD

SECRET, OTHER = secrets.token_hex(32), secrets.token_hex(32)


@pytest.fixture
def limited(make_app, services, stored):
    people.add(services, "ada")
    return make_app(
        auth_required=True,
        ratelimit_enabled=True,
        ratelimit_auth="2/minute",
        trusted_clients=f"shop:{SECRET}, desk:{OTHER}",
    ).test_client()


def sign_in(client, **headers):
    body = {"username": "ada", "password": PASSWORD}
    return client.post("/api/auth/login", json=body, headers=headers)


def forward(client, address, secret=SECRET):
    return sign_in(client, **{"X-Client-Secret": secret, "X-Client-Address": address})


def test_forwarded_address_counts_and_is_recorded(limited, stored):
    for number in range(4):
        assert forward(limited, f"203.0.113.{number}", OTHER).status_code == 200
    statuses = [forward(limited, "203.0.113.9").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert sign_in(limited).status_code == 200, "the backend's own address has its own limit"
    entry = stored.audit.find_one({"action": "auth.login_succeeded", "ip": "203.0.113.9"})
    assert entry is not None


def test_secret_without_an_address_counts_for_the_backend(limited):
    statuses = [sign_in(limited, **{"X-Client-Secret": SECRET}).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


@pytest.mark.parametrize("sent", ["", "wrong", "shop:{}", "{}x", "\u00e9"])
def test_unknown_secret_is_refused(limited, sent):
    response = forward(limited, "203.0.113.9", sent.format(SECRET))
    assert (response.status_code, response.json["error"]["code"]) == (401, "unknown_client")
    assert SECRET not in response.text


@pytest.mark.parametrize("address", ["", "shop.example.com", "203.0.113.9:80", "203.0.113.9, ::1"])
def test_invalid_address_is_refused(limited, address):
    response = forward(limited, address)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_client_address")


def test_address_without_a_secret_is_refused(limited):
    response = sign_in(limited, **{"X-Client-Address": "203.0.113.9"})
    assert response.json["error"]["code"] == "invalid_client_address"


def test_refused_clients_are_counted(make_app, stored):
    client = make_app(
        auth_required=True, ratelimit_enabled=True, ratelimit_default="3/hour"
    ).test_client()
    wrong = {"X-Client-Secret": "wrong"}
    statuses = [client.get("/api/password-policy", headers=wrong).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]
    assert client.get("/health", headers=wrong).status_code == 200


def test_log_names_the_client_and_not_its_secret(limited, caplog):
    caplog.set_level("INFO", "rollbook.access_log")
    forward(limited, "203.0.113.9")
    record = caplog.records[-1]
    assert (record.client, record.ip) == ("shop", "203.0.113.9")
    assert SECRET not in str(vars(record))
