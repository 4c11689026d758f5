"""A request that is repeated with one key runs once and gets the first response again."""

from datetime import timedelta

import pytest

from rollbook.idempotency import service
from rollbook.kit import clock
from rollbook.kit.replay import StoredResponse
from tests import people
from tests.conftest import ADA, PASSWORD

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
REPLAYED_HEADERS = ("Location", "ETag", "Content-Type", "Cache-Control")


def test_repeated_request_replays_the_first_response(client, stored):
    first = client.post("/api/users", json=ADA, headers=KEY)
    client.patch(first.headers["Location"], json={"name": "Changed since"})
    for _ in range(3):
        replay = client.post("/api/users", json=ADA, headers=KEY)
        assert (replay.status_code, replay.get_data()) == (201, first.get_data())
        assert [replay.headers[name] for name in REPLAYED_HEADERS] == [
            first.headers[name] for name in REPLAYED_HEADERS
        ]
        assert replay.headers["Idempotency-Replayed"] == "true"
        assert replay.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert "Idempotency-Replayed" not in first.headers
    assert stored.users.count_documents({}) == 1
    assert stored.audit.count_documents({"action": "user.created"}) == 1


def test_body_with_reordered_fields_is_the_same_body(client, stored):
    first = client.post("/api/users", json=ADA, headers=KEY)
    reordered = dict(reversed(ADA.items()))
    assert client.post("/api/users", json=reordered, headers=KEY).get_data() == first.get_data()


def test_key_is_bound_to_caller_path_and_body(guarded, services, stored):
    one = people.person(services, guarded, "one", role="admin")
    two = people.person(services, guarded, "two", role="admin")
    assert one.post("/api/users", json=ADA, headers=KEY).status_code == 201
    response = one.post("/api/users", json=ADA | {"name": "Bob"}, headers=KEY)
    assert (response.status_code, response.json["error"]["code"]) == (422, "idempotency_key_reused")
    assert two.post("/api/users", json=ADA, headers=KEY).status_code == 409
    assert (
        two.post("/api/users", json=ADA | {"email": "b@example.com"}, headers=KEY).status_code
        == 201
    )
    assert (
        guarded.post("/api/users", json=ADA | {"email": "c@example.com"}, headers=KEY).status_code
        == 201
    )
    assert (
        one.post("/api/roles", json={"name": "spare", "permissions": []}, headers=KEY).status_code
        == 201
    )


def test_failed_request_can_be_retried_with_its_key(client, ada, stored):
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 409
    client.delete(f"/api/users/{ada['id']}?purge=true")
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 201


def test_roles_and_restore_accept_keys(client, ada, stored):
    role = {"name": "spare", "permissions": []}
    assert client.post("/api/roles", json=role, headers=KEY).status_code == 201
    assert (
        client.post("/api/roles", json=role, headers=KEY).headers["Idempotency-Replayed"] == "true"
    )
    client.delete(f"/api/users/{ada['id']}")
    for replayed in (None, "true"):
        response = client.post(f"/api/users/{ada['id']}/restore", headers=KEY)
        assert (response.status_code, response.headers.get("Idempotency-Replayed")) == (
            200,
            replayed,
        )
    assert stored.audit.count_documents({"action": "user.restored"}) == 1


def test_invalid_token_returns_401_instead_of_a_replay(guarded, services, stored):
    people.add(services, "root", role="admin")
    assert guarded.post("/api/users", json=ADA, headers=KEY).status_code == 201
    bad = KEY | {"Authorization": "Bearer rubbish"}
    assert guarded.post("/api/users", json=ADA, headers=bad).status_code == 401


def test_unused_body_is_compared_too(client, ada, stored):
    client.delete(f"/api/users/{ada['id']}")
    path = f"/api/users/{ada['id']}/restore"
    assert client.post(path, data="{bad", headers=KEY).status_code == 200
    assert client.post(path, data="{bad", headers=KEY).headers["Idempotency-Replayed"] == "true"
    assert client.post(path, headers=KEY).status_code == 422


@pytest.mark.parametrize("key", ["x" * 256, "käse", "tab\there"])
def test_invalid_key_returns_400(client, stored, key):
    response = client.post("/api/users", json=ADA, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json["error"]["details"][0]["field"]) == (
        400,
        "Idempotency-Key",
    )


def test_blank_key_is_ignored(client, stored):
    assert client.post("/api/users", json=ADA, headers={"Idempotency-Key": " "}).status_code == 201
    assert stored.idempotency.count_documents({}) == 0


def test_idempotency_record_contains_no_secret(client, stored):
    client.post("/api/users", json=ADA, headers=KEY)
    record = str(list(stored.idempotency.find()))
    for secret in (PASSWORD, KEY["Idempotency-Key"], "password", "token", "bcrypt"):
        assert secret not in record


def test_idempotency_record_expires_after_24_hours(client, stored):
    client.post("/api/users", json=ADA, headers=KEY)
    record = stored.idempotency.find_one()
    assert abs(record["expires_at"] - clock.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert stored.idempotency.index_information()["expiry"]["expireAfterSeconds"] == 0


def test_key_in_flight_is_refused_until_its_hold_expires(services, stored):
    call = {"caller": "someone", "request": "POST /api/users"}
    first = services.idempotency.begin("key", b"{}", **call)
    with pytest.raises(service.KeyInFlight):
        services.idempotency.begin("key", b"{}", **call)
    stored.idempotency.update_one({}, {"$set": {"held_until": clock.now()}})
    second = services.idempotency.begin("key", b"{}", **call)
    with pytest.raises(service.KeyInFlight):
        # The first attempt was still running. Its change must not commit.
        first.complete(StoredResponse(201, {}, b"first"))
    first.release()
    second.complete(StoredResponse(201, {}, b"second"))
    second.release()
    assert services.idempotency.begin("key", b"{}", **call).body == b"second"


def test_expired_key_can_be_used_again(client, stored):
    client.post("/api/users", json=ADA, headers=KEY)
    stored.idempotency.update_one({}, {"$set": {"expires_at": clock.now()}})
    assert (
        client.post("/api/users", json=ADA | {"email": "b@example.com"}, headers=KEY).status_code
        == 201
    )


def test_change_rolls_back_if_its_response_is_not_stored(client, stored, monkeypatch):
    def fail(*_):
        raise RuntimeError("the response cannot be stored")

    monkeypatch.setattr(service.FirstAttempt, "complete", fail)
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 500
    assert stored.users.count_documents({}) == stored.audit.count_documents({}) == 0
    monkeypatch.undo()
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 201
