"""MongoDB itself refuses what is broken."""

import pytest
from pymongo.errors import WriteError

from rollbook.kit.errors import NotReady
from rollbook.services import DOCUMENTS
from rollbook.users.dao import users
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
