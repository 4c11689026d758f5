"""Ping, health and readiness."""

from datetime import timedelta

from pymongo.errors import ServerSelectionTimeoutError

from rollbook import __version__
from rollbook.app import create_app
from rollbook.database_parts import build_migrations
from rollbook.kit import clock
from rollbook.services import build_services
from rollbook.storage.database import Database
from tests.conftest import ADA
from tests.harness.contract import ContractClient


def test_ping_health_and_ready_use_the_envelope(client):
    assert client.get("/ping").json == {
        "data": "pong",
        "message": "The service answers.",
        "status_code": 200,
    }
    assert client.get("/health").json["data"] == {
        "status": "alive",
        "version": __version__,
        "auth_required": False,
    }
    assert client.get("/ready").json["data"] == {"status": "ready", "details": []}


def test_clock_skew_is_logged_once_and_shown_at_ready(client, database, monkeypatch, caplog):
    now = clock.now
    for seconds, expected in ((40, "40 s ahead of"), (-3600, "3600 s behind")):
        monkeypatch.setattr(
            clock, "now", lambda seconds=seconds: now() + timedelta(seconds=seconds)
        )
        caplog.clear()
        for _ in range(3):
            (detail,) = client.get("/ready").json["data"]["details"]
        assert (detail["field"], detail["code"]) == ("clock", "clock_skew")
        assert expected in detail["message"]
        assert caplog.text.count(expected) == 1
        monkeypatch.setattr(clock, "now", now)
        assert client.get("/ready").json["data"]["details"] == []
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(seconds=4))
    assert client.get("/ready").json["data"]["details"] == []


def test_requests_return_503_until_indexes_are_verified(settings):
    app = create_app(
        settings,
        build_services(settings),
        Database("mongodb://127.0.0.1:9", "test", build_migrations(settings)),
    )
    app.test_client_class = ContractClient
    client = app.test_client()
    assert client.get("/health").status_code == 200
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert ready.json["error"]["code"] == "not_ready"
    assert ready.json["error"]["details"][0]["message"]
    for response in (
        client.get("/api/users"),
        client.post("/api/users", json=ADA),
        client.delete("/api/users/x"),
    ):
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "2"


def test_lost_database_returns_503(client, ada, monkeypatch):
    from rollbook.users.dao import users

    class LostDatabase:
        def __getattr__(self, name):
            raise ServerSelectionTimeoutError("mongodb://user:secret@host timed out")

    monkeypatch.setattr(type(users), "_collection", LostDatabase())
    for response in (
        client.get("/api/users"),
        client.get(f"/api/users/{ada['id']}"),
        client.post("/api/users", json=ADA),
        client.patch(f"/api/users/{ada['id']}", json={"name": "X"}),
        client.delete(f"/api/users/{ada['id']}"),
    ):
        assert response.status_code == 503
        assert response.json["error"]["code"] == "unavailable"
