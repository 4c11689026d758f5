"""There, alive, ready."""

from datetime import timedelta

from pymongo.errors import ServerSelectionTimeoutError

from rollbook import __version__
from rollbook.app import create_app
from rollbook.kit import clock
from rollbook.kit.database import Database
from rollbook.services import migrations_of, services_of
from tests.conftest import ADA
from tests.harness.lawful import LawfulClient


def test_ping_health_and_ready_answer_in_the_envelope(client):
    assert client.get("/ping").json == {"data": "pong", "message": "The service answers.", "status_code": 200}
    assert client.get("/health").json["data"] == {"status": "alive", "version": __version__, "auth_required": False}
    assert client.get("/ready").json["data"] == {"status": "ready", "details": []}


def test_a_clock_that_is_not_mongodbs_is_said_in_the_log_once_and_at_ready(client, database, monkeypatch, caplog):
    now = clock.now
    for seconds, told in ((40, "40 s ahead of"), (-3600, "3600 s behind")):
        monkeypatch.setattr(clock, "now", lambda seconds=seconds: now() + timedelta(seconds=seconds))
        caplog.clear()
        for _ in range(3):
            (detail,) = client.get("/ready").json["data"]["details"]
        assert (detail["field"], detail["code"]) == ("clock", "clock_skew")
        assert told in detail["message"]
        assert caplog.text.count(told) == 1
        monkeypatch.setattr(clock, "now", now)
        assert client.get("/ready").json["data"]["details"] == []
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(seconds=4))
    assert client.get("/ready").json["data"]["details"] == []


def test_before_the_indexes_are_verified_all_but_health_is_503(settings):
    app = create_app(
        settings, services_of(settings), Database("mongodb://127.0.0.1:9", "test", migrations_of(settings))
    )
    app.test_client_class = LawfulClient
    client = app.test_client()
    assert client.get("/health").status_code == 200
    ready = client.get("/ready")
    assert ready.status_code == 503
    assert ready.json["error"]["code"] == "not_ready"
    assert ready.json["error"]["details"][0]["message"]
    for answer in (client.get("/api/users"), client.post("/api/users", json=ADA), client.delete("/api/users/x")):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "2"


def test_a_database_lost_in_the_middle_is_503(client, ada, monkeypatch):
    from rollbook.users.dao import users

    class Lost:
        def __getattr__(self, name):
            raise ServerSelectionTimeoutError("mongodb://user:secret@host timed out")

    monkeypatch.setattr(type(users), "_collection", Lost())
    for answer in (
        client.get("/api/users"),
        client.get(f"/api/users/{ada['id']}"),
        client.post("/api/users", json=ADA),
        client.patch(f"/api/users/{ada['id']}", json={"name": "X"}),
        client.delete(f"/api/users/{ada['id']}"),
    ):
        assert answer.status_code == 503
        assert answer.json["error"]["code"] == "unavailable"
