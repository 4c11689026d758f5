"""Limits of requests per user and per client address, and their headers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from limits.errors import StorageError
from limits.storage import RedisStorage
from pydantic import SecretStr

from tests import people

LIMITED = {"auth_required": True, "ratelimit_enabled": True}


def test_reads_and_writes_are_limited_per_user(services, make_app, stored):
    client = make_app(ratelimit_read="3/hour", ratelimit_write="2/hour", **LIMITED).test_client()
    ada, bob = (people.person(services, client, name) for name in ("ada", "bob"))
    reads = [ada.get("/api/users/me") for _ in range(4)]
    assert [response.status_code for response in reads] == [200, 200, 200, 429]
    assert '"read";q=3;w=3600' in reads[0].headers["RateLimit-Policy"]
    assert '"read";r=2;t=' in reads[0].headers["RateLimit"]
    assert "Retry-After" not in reads[0].headers
    assert 3590 < int(reads[3].headers["Retry-After"]) <= 3600
    writes = [ada.patch("/api/users/me", json={"name": f"Ada {n}"}).status_code for n in range(3)]
    assert writes == [200, 200, 429]
    assert bob.get("/api/users/me").status_code == 200


def test_invalid_token_counts_for_the_client_address(make_app, stored):
    client = make_app(ratelimit_default="3/hour", **LIMITED).test_client()
    forged = {"Authorization": "Bearer a.b.c"}
    statuses = [client.get("/api/users/me", headers=forged).status_code for _ in range(5)]
    assert statuses == [401, 401, 401, 429, 429]


def test_setting_may_hold_several_limits(make_app, stored):
    client = make_app(ratelimit_default="100/second;3/hour", **LIMITED).test_client()
    responses = [client.get("/api/password-policy") for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert (
        responses[0].headers["RateLimit-Policy"]
        == '"default-1";q=100;w=1, "default-3600";q=3;w=3600'
    )


def test_limits_can_be_turned_off(make_app, stored):
    client = make_app(auth_required=True, ratelimit_default="1/hour").test_client()
    responses = [client.get("/api/password-policy") for _ in range(5)]
    assert {response.status_code for response in responses} == {200}
    assert "RateLimit" not in responses[0].headers


def test_only_health_and_ping_are_never_limited(make_app, stored):
    client = make_app(ratelimit_default="1/hour", **LIMITED).test_client()
    for path in ("/health", "/ping"):
        assert {client.get(path).status_code for _ in range(5)} == {200}
    assert client.get("/ready").status_code == 200
    for path in (
        "/ready",
        "/docs/",
        "/docs/swagger-ui.css",
        "/openapi.json",
        "/.well-known/jwks.json",
    ):
        assert client.get(path).status_code == 429, path


def test_unknown_paths_and_methods_are_limited_too(make_app, stored):
    client = make_app(ratelimit_default="3/hour", **LIMITED).test_client()
    forged = {"Authorization": "Bearer a.b.c"}
    responses = [
        client.get("/api/nothing"),
        client.put("/api/auth/login"),
        client.get("/nowhere", headers=forged),
    ]
    assert [response.status_code for response in responses] == [404, 405, 404]
    assert client.get("/api/nothing").status_code == 429


def test_requests_that_notice_a_dead_store_at_once_are_served(make_app, monkeypatch):
    """Flask-Limiter counts only the first of them in memory, and raised the error to the others."""
    together = threading.Barrier(4)

    def fail(*_, **__):
        with suppress(threading.BrokenBarrierError):
            together.wait(2)
        raise StorageError(ConnectionError())

    monkeypatch.setattr(RedisStorage, "incr", fail)
    app = make_app(ratelimit_enabled=True, redis_url=SecretStr("redis://127.0.0.1:1/0"))
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(app.test_client().get, "/api/users") for _ in range(4)]
        assert [each.result().status_code for each in sent] == [200] * 4
