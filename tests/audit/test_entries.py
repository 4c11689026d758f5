"""A change and its audit entry commit together or not at all."""

import pytest
from bson import ObjectId

from rollbook.audit import service
from tests.conftest import ADA


def list_entries(stored):
    return list(stored.audit.find({}, {"_id": False}).sort("_id", 1))


def test_every_change_writes_one_entry_with_old_and_new(client, stored):
    headers = {"X-Request-ID": "request-7", "User-Agent": "a client"}
    user = client.post("/api/users", json=ADA | {"username": "ada"}, headers=headers).json["data"]
    client.patch("/api/users/ada", json={"name": "Countess", "username": None})
    client.patch(f"/api/users/{user['id']}", json={"password": "another long password"})
    client.delete(f"/api/users/{user['id']}")

    created, updated, password, deleted = list_entries(stored)

    assert created["changes"]["email"] == {"before": None, "after": "ada@example.com"}
    assert (created["request_id"], created["user_agent"], created["ip"]) == (
        "request-7",
        "a client",
        "127.0.0.1",
    )
    assert (created["actor_type"], created["target_type"], created["target_id"]) == (
        "anonymous",
        "user",
        user["id"],
    )
    assert updated["changes"] == {
        "name": {"before": "Ada Lovelace", "after": "Countess"},
        "username": {"before": "ada", "after": None},
    }
    assert [entry["action"] for entry in (created, updated, password, deleted)] == [
        "user.created",
        "user.updated",
        "user.password_changed",
        "user.deleted",
    ]
    assert [entry["version"] for entry in (created, updated, password, deleted)] == [1, 2, 3, 4]
    assert deleted["changes"].keys() == {"deleted_at"}
    assert deleted["changes"]["deleted_at"]["before"] is None


def test_audit_log_contains_no_password_or_hash(client, ada, stored):
    client.patch(
        f"/api/users/{ada['id']}", json={"password": "another long password", "name": "New"}
    )
    text = str(list_entries(stored))
    assert "password" in text
    assert "plenty" not in text
    assert "another" not in text
    assert "bcrypt" not in text


def test_rejected_change_writes_no_entry(client, ada, stored):
    client.post("/api/users", json=ADA)
    client.patch(f"/api/users/{ObjectId()}", json={"name": "X"})
    client.delete(f"/api/users/{ObjectId()}")
    assert len(list_entries(stored)) == 1


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_change_rolls_back_if_its_audit_entry_fails(client, ada, stored, monkeypatch, method):
    def fail(entry):
        raise RuntimeError("the audit log cannot be written")

    monkeypatch.setattr(service.entries, "append", fail)
    path = "/api/users" if method == "post" else f"/api/users/{ada['id']}"
    body = {} if method == "delete" else {"json": ADA | {"email": "b@example.com"}}
    assert getattr(client, method)(path, **body).status_code == 500
    monkeypatch.undo()
    assert client.get("/api/users").json["data"] == [ada]


def test_long_user_agent_is_truncated(client, stored):
    client.post("/api/users", json=ADA, headers={"User-Agent": "x" * 5000})
    assert len(list_entries(stored)[0]["user_agent"]) == service.MAX_USER_AGENT_LENGTH
