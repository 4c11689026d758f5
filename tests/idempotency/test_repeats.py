"""A request that is sent twice is carried out once, and answered as it was."""

from datetime import timedelta

import pytest

from rollbook.idempotency import service
from rollbook.kit import clock
from tests import people
from tests.conftest import ADA, PASSWORD

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
SAME = ("Location", "ETag", "Content-Type", "Cache-Control")


def test_a_repeat_is_answered_as_the_first_time(client, stored):
    first = client.post("/api/users", json=ADA, headers=KEY)
    client.patch(first.headers["Location"], json={"name": "Changed since"})
    for _ in range(3):
        again = client.post("/api/users", json=ADA, headers=KEY)
        assert (again.status_code, again.get_data()) == (201, first.get_data())
        assert [again.headers[name] for name in SAME] == [first.headers[name] for name in SAME]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert "Idempotency-Replayed" not in first.headers
    assert stored.users.count_documents({}) == 1
    assert stored.audit.count_documents({"action": "user.created"}) == 1


def test_the_same_words_in_another_order_are_the_same_body(client, stored):
    first = client.post("/api/users", json=ADA, headers=KEY)
    turned = dict(reversed(ADA.items()))
    assert client.post("/api/users", json=turned, headers=KEY).get_data() == first.get_data()


def test_another_body_is_422_and_another_caller_or_path_is_another_key(guarded, services, stored):
    one = people.person(services, guarded, "one", role="admin")
    two = people.person(services, guarded, "two", role="admin")
    assert one.post("/api/users", json=ADA, headers=KEY).status_code == 201
    answer = one.post("/api/users", json=ADA | {"name": "Bob"}, headers=KEY)
    assert (answer.status_code, answer.json["error"]["code"]) == (422, "idempotency_key_reused")
    assert two.post("/api/users", json=ADA, headers=KEY).status_code == 409
    assert two.post("/api/users", json=ADA | {"email": "b@example.com"}, headers=KEY).status_code == 201
    assert guarded.post("/api/users", json=ADA | {"email": "c@example.com"}, headers=KEY).status_code == 201
    assert one.post("/api/roles", json={"name": "spare", "permissions": []}, headers=KEY).status_code == 201


def test_what_failed_may_be_tried_again_with_the_same_key(client, ada, stored):
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 409
    client.delete(f"/api/users/{ada['id']}?purge=true")
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 201


def test_roles_and_restoring_take_keys_too(client, ada, stored):
    role = {"name": "spare", "permissions": []}
    assert client.post("/api/roles", json=role, headers=KEY).status_code == 201
    assert client.post("/api/roles", json=role, headers=KEY).headers["Idempotency-Replayed"] == "true"
    client.delete(f"/api/users/{ada['id']}")
    for replayed in (None, "true"):
        answer = client.post(f"/api/users/{ada['id']}/restore", headers=KEY)
        assert (answer.status_code, answer.headers.get("Idempotency-Replayed")) == (200, replayed)
    assert stored.audit.count_documents({"action": "user.restored"}) == 1


def test_a_bad_token_is_told_and_not_answered_as_nobody(guarded, services, stored):
    people.add(services, "root", role="admin")
    assert guarded.post("/api/users", json=ADA, headers=KEY).status_code == 201
    bad = KEY | {"Authorization": "Bearer rubbish"}
    assert guarded.post("/api/users", json=ADA, headers=bad).status_code == 401


def test_a_body_that_nobody_asked_for_counts_too(client, ada, stored):
    client.delete(f"/api/users/{ada['id']}")
    path = f"/api/users/{ada['id']}/restore"
    assert client.post(path, data="{bad", headers=KEY).status_code == 200
    assert client.post(path, data="{bad", headers=KEY).headers["Idempotency-Replayed"] == "true"
    assert client.post(path, headers=KEY).status_code == 422


@pytest.mark.parametrize("key", ["x" * 256, "käse", "tab\there"])
def test_what_is_no_key_is_400(client, stored, key):
    answer = client.post("/api/users", json=ADA, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["error"]["details"][0]["field"]) == (400, "Idempotency-Key")


def test_a_blank_key_is_none(client, stored):
    assert client.post("/api/users", json=ADA, headers={"Idempotency-Key": " "}).status_code == 201
    assert stored.idempotency.count_documents({}) == 0


def test_no_password_token_or_key_is_kept(client, stored):
    client.post("/api/users", json=ADA, headers=KEY)
    kept = str(list(stored.idempotency.find()))
    for secret in (PASSWORD, KEY["Idempotency-Key"], "password", "token", "bcrypt"):
        assert secret not in kept


def test_what_is_kept_goes_after_a_day_by_an_index(client, stored):
    client.post("/api/users", json=ADA, headers=KEY)
    kept = stored.idempotency.find_one()
    assert abs(kept["expires_at"] - clock.now() - timedelta(hours=24)) < timedelta(minutes=1)
    assert stored.idempotency.index_information()["expiry"]["expireAfterSeconds"] == 0


def test_a_request_under_way_is_409_and_one_that_died_is_taken_over(services, stored):
    call = {"caller": "someone", "request": "POST /api/users"}
    first = services.repeats.begin("key", b"{}", **call)
    with pytest.raises(service.KeyInFlight):
        services.repeats.begin("key", b"{}", **call)
    stored.idempotency.update_one({}, {"$set": {"held_until": clock.now()}})
    second = services.repeats.begin("key", b"{}", **call)
    with pytest.raises(service.KeyInFlight):  # The first was not dead after all: what it did must not commit.
        first.settle(service.Answer(201, {}, b"first"))
    first.release()
    second.settle(service.Answer(201, {}, b"second"))
    second.release()
    assert services.repeats.begin("key", b"{}", **call).body == b"second"


def test_what_expired_is_as_if_it_had_never_been(client, stored):
    client.post("/api/users", json=ADA, headers=KEY)
    stored.idempotency.update_one({}, {"$set": {"expires_at": clock.now()}})
    assert client.post("/api/users", json=ADA | {"email": "b@example.com"}, headers=KEY).status_code == 201


def test_an_answer_that_cannot_be_kept_undoes_the_work(client, stored, monkeypatch):
    def broken(*_):
        raise RuntimeError("it cannot be kept")

    monkeypatch.setattr(service.Claimed, "settle", broken)
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 500
    assert stored.users.count_documents({}) == stored.audit.count_documents({}) == 0
    monkeypatch.undo()
    assert client.post("/api/users", json=ADA, headers=KEY).status_code == 201
