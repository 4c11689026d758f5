"""Readiness, against a real server and against none."""

from concurrent.futures import ThreadPoolExecutor

import mongomock
import pytest
from pymongo.errors import OperationFailure
from tests.conftest import ADA
from tests.harness.lawful import LawfulClient

from rollbook.app import DOCUMENTS, create_app
from rollbook.kit import database as kit_database
from rollbook.kit import indexes
from rollbook.kit.database import Database
from rollbook.kit.errors import NotReady, Unavailable

NOWHERE = "mongodb://someone:a-secret-word@127.0.0.1:9/?replicaSet=rs0"


def test_a_database_that_does_not_answer_is_not_ready_and_says_no_secret(database):
    away = Database(NOWHERE, "test", DOCUMENTS)
    with pytest.raises(Unavailable):
        away.require_ready()
    away._client = kit_database.MongoClient(NOWHERE, serverSelectionTimeoutMS=50)
    with away._client, pytest.raises(NotReady) as caught:
        away.prepare()
    assert caught.value.details[0].code == "unreachable"
    assert "secret" not in caught.value.details[0].message


def test_a_missing_index_keeps_it_from_being_ready(database, stored, monkeypatch):
    monkeypatch.setattr(DOCUMENTS[0], "ensure_indexes", lambda: None)
    stored.users.drop_index("uniq_email")
    try:
        with pytest.raises(NotReady) as caught:
            database.prepare()
        assert "uniq_email" in caught.value.details[0].message
    finally:
        monkeypatch.undo()
        database.prepare()
    assert stored.users.index_information()["uniq_email"]["unique"]


def test_stored_duplicates_keep_it_from_being_ready_and_no_address_is_told(database, stored):
    stored.users.drop_index("uniq_email")
    stored.users.insert_many([{"email_key": "a@x.org"}, {"email_key": "a@x.org"}])
    try:
        with pytest.raises(NotReady) as caught:
            database.prepare()
        assert caught.value.details[0].code == "duplicates"
        assert "a@x.org" not in caught.value.details[0].message
    finally:
        stored.users.delete_many({})
        database.prepare()


@pytest.mark.parametrize(
    ("code", "detail"), [(18, "refused"), (13, "refused"), (11000, "duplicates"), (86, "refused"), (None, "refused")]
)
def test_a_refusal_is_told_in_our_words(code, detail):
    told = kit_database._reason(OperationFailure("user:pass@host a@x.org", code, {"codeName": "Name"}))
    assert told.code == detail
    assert "@" not in told.message


def test_workers_that_start_together_on_an_empty_database_are_all_ready(mongod):
    with kit_database.MongoClient(mongod.uri) as client, ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            client.drop_database("fresh")
            collection = client.fresh.things
            assert list(pool.map(lambda _, c=collection: indexes._create(c), range(8))) == [None] * 8
            assert client.fresh.list_collection_names() == ["things"]


class MockDatabase(Database):
    """mongomock answers no `hello`."""

    def require_primary(self):
        pass


def test_the_same_code_runs_on_mongomock_without_transactions(settings, database):
    mock = MockDatabase("mongodb://localhost", "mock", DOCUMENTS, client_class=mongomock.MongoClient)
    mock.connect()
    try:
        mock.prepare()
        app = create_app(settings, mock)
        app.test_client_class = LawfulClient
        client = app.test_client()
        assert client.post("/api/users", json=ADA).status_code == 201
        assert client.patch("/api/users/ada@example.com", json={"username": "ada"}).json["data"]["version"] == 2
        assert client.get("/api/users?sort=name").json["pagination"]["total_items"] == 1
        assert client.delete("/api/users/ada").status_code == 204
    finally:
        mock.close()
        database.connect()
        database.prepare()
