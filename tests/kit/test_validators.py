"""MongoDB itself refuses what is broken."""

import pytest
from pymongo.errors import WriteError

from rollbook.kit.errors import NotReady
from rollbook.services import DOCUMENTS
from rollbook.users.dao import users
from tests import people
from tests.kit.test_dao import new


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
def test_a_broken_user_is_refused_by_mongodb_itself(stored, update):
    user = users.insert(new())
    with pytest.raises(WriteError) as caught:
        stored.users.update_one({"_id": user.pk}, update)
    assert caught.value.code == 121  # DocumentValidationFailure
    assert stored.users.update_one({"_id": user.pk}, {"$set": {"of_a_newer_version": 1}}).modified_count == 1


def test_whatever_need_not_be_sent_may_be_missing_in_every_write(guarded, services, stored):
    """As by a client without a User-Agent, through a proxy that tells no address."""
    known = {"headers": {"User-Agent": ""}, "environ_overrides": {"REMOTE_ADDR": "unix:"}}
    user = {"name": "A", "email": "a@example.com", "password": "plenty of long words"}
    people.add(services, "root", role="admin")
    created = guarded.post("/api/users", json=user, **known)
    sent = {"email": user["email"], "password": user["password"]}
    signed_in = guarded.post("/api/auth/login", json=sent, **known).json["data"]
    refresh = {"refresh_token": signed_in["refresh_token"]}
    token = guarded.post("/api/auth/refresh", json=refresh, **known).json["data"]["access_token"]
    known["headers"]["Authorization"] = f"Bearer {token}"
    answers = [
        guarded.patch("/api/users/me", json={"username": "abc", "phone": None}, **known),
        guarded.patch("/api/users/me", json={"username": None}, **known),
        guarded.get("/api/users", **known),
        guarded.delete("/api/auth/sessions", **known),
        guarded.delete("/api/users/me", **known),
    ]
    assert [answer.status_code for answer in (created, *answers)] == [201, 200, 200, 403, 204, 204]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_collection_refuses_an_empty_document(stored, document):
    with pytest.raises(WriteError) as caught:
        stored[document._meta["collection"]].insert_one({})
    assert caught.value.code == 121


def test_a_validator_that_is_gone_is_not_ready_and_is_put_back(database, stored):
    stored.command("collMod", "users", validator={})
    with pytest.raises(NotReady) as caught:
        database.check()
    assert caught.value.details[0].code == "validator_missing"
    database.prepare()
    database.check()
