"""Validators in MongoDB reject broken documents."""

import pytest
from pymongo.errors import WriteError

from rollbook.database_parts import DOCUMENTS
from rollbook.kit.errors import NotReady
from rollbook.users.dao import users
from tests import people
from tests.storage.test_dao import new


@pytest.mark.parametrize(
    "update",
    [
        {"$unset": {"email_key": ""}},
        {"$unset": {"is_deleted": ""}},
        {"$set": {"version": 0}},
        {"$set": {"version": "1"}},
        {"$set": {"is_active": "yes"}},
        {"$set": {"name": None}},
        {"$set": {"created_at": "2026-01-01"}},
        {"$set": {"known_addresses": [1]}},
        {"$set": {"known_addresses": "127.0.0.1"}},
    ],
)
def test_validator_rejects_a_broken_user(stored, update):
    user = users.insert(new())
    with pytest.raises(WriteError) as caught:
        stored.users.update_one({"_id": user.pk}, update)
    assert caught.value.code == 121  # DocumentValidationFailure
    assert (
        stored.users.update_one(
            {"_id": user.pk}, {"$set": {"of_a_newer_version": 1}}
        ).modified_count
        == 1
    )


def test_optional_values_may_be_missing_in_every_write(guarded, services, stored):
    """An example is a client without a User-Agent, through a proxy that sends no address."""
    options = {"headers": {"User-Agent": ""}, "environ_overrides": {"REMOTE_ADDR": "unix:"}}
    user = {"name": "A", "email": "a@example.com", "password": "plenty of long words"}
    people.add(services, "root", role="admin")
    created = guarded.post("/api/users", json=user, **options)
    sent = {"email": user["email"], "password": user["password"]}
    signed_in = guarded.post("/api/auth/login", json=sent, **options).json["data"]
    refresh = {"refresh_token": signed_in["refresh_token"]}
    token = guarded.post("/api/auth/refresh", json=refresh, **options).json["data"]["access_token"]
    options["headers"]["Authorization"] = f"Bearer {token}"
    responses = [
        guarded.patch("/api/users/me", json={"username": "abc", "phone": None}, **options),
        guarded.patch("/api/users/me", json={"username": None}, **options),
        guarded.get("/api/users", **options),
        guarded.delete("/api/auth/sessions", **options),
        guarded.delete("/api/users/me", **options),
    ]
    assert [response.status_code for response in (created, *responses)] == [
        201,
        200,
        200,
        403,
        204,
        204,
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_collection_rejects_an_empty_document(stored, document):
    with pytest.raises(WriteError) as caught:
        stored[document._meta["collection"]].insert_one({})
    assert caught.value.code == 121


def test_prepare_restores_a_missing_validator(database, stored):
    stored.command("collMod", "users", validator={})
    with pytest.raises(NotReady) as caught:
        database.check_ready()
    assert caught.value.details[0].code == "validator_missing"
    database.prepare()
    database.check_ready()
