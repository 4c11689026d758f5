"""Readiness, against a real server and against none."""

from concurrent.futures import ThreadPoolExecutor

import mongomock
import pytest
from pymongo.errors import OperationFailure

from rollbook.access.principal import SYSTEM
from rollbook.app import create_app
from rollbook.kit import clock, indexes
from rollbook.kit import database as kit_database
from rollbook.kit.database import Database
from rollbook.kit.errors import NotReady, Unavailable
from rollbook.kit.transactions import in_transaction
from rollbook.leases.dao import LeaseDAO
from rollbook.services import migrations_of, services_of
from rollbook.users.dao import users
from tests.conftest import ADA
from tests.harness.lawful import LawfulClient
from tests.kit.test_dao import LATER, new

NOWHERE = "mongodb://someone:a-secret-word@127.0.0.1:9/?replicaSet=rs0"


@pytest.fixture
def elsewhere(database, settings, monkeypatch):
    """Makes a Database of another URI; what it connects is put back afterwards."""
    monkeypatch.setitem(kit_database.OPTIONS, "serverSelectionTimeoutMS", 100)
    made = []

    def make(uri, **arguments):
        made.append(Database(uri, "test", migrations_of(settings), **arguments))
        return made[-1]

    yield make
    for other in made:
        other.close()
    database.connect()
    monkeypatch.undo()
    database.prepare()


def test_a_database_that_does_not_answer_is_not_ready_and_says_no_secret(elsewhere):
    away = elsewhere(NOWHERE)
    with pytest.raises(Unavailable):
        away.require_ready()
    with pytest.raises(NotReady) as caught:
        away.prepare()
    assert caught.value.details[0].code == "unreachable"
    assert "secret" not in caught.value.details[0].message
    with pytest.raises(NotReady):
        away.check()


def test_what_the_uri_asks_for_does_not_break_a_change(elsewhere, mongod, stored):
    """The database to log in to is not the one to use; no option of a URI may weaken or break a write."""
    for options in ("readPreference=secondaryPreferred", "readConcernLevel=linearizable", "w=1&journal=false"):
        other = elsewhere(mongod.uri.replace("/?", "/admin?") + "&" + options)
        other.prepare()
        user = in_transaction(lambda: users.insert(new()), actor=SYSTEM)
        in_transaction(lambda pk=user.pk: users.change(pk, version=1, at=LATER, fields={"name": "Bob"}), actor=SYSTEM)
        assert users.get(user.pk).name == "Bob"
        users.remove(user.pk)
        assert users._collection.database.name == "test"


def test_an_srv_record_that_is_not_found_is_not_ready(elsewhere):
    with pytest.raises(NotReady) as caught:
        elsewhere("mongodb+srv://nowhere.invalid").prepare()
    assert caught.value.details[0].code == "unreachable"


def test_dropped_collections_get_their_indexes_again(database, stored):
    stored.users.drop()
    with pytest.raises(NotReady) as caught:
        database.check()
    assert caught.value.details[0].code == "index_missing"
    database.prepare()
    database.check()
    assert stored.users.index_information()["one_email"]["unique"]


def test_an_index_that_is_another_is_not_ready_until_it_is_built_again(database, stored):
    stored.users.drop_index("one_email")
    stored.users.create_index("email_key", name="one_email")
    with pytest.raises(NotReady):
        database.check()
    database.prepare()
    database.check()
    assert stored.users.index_information()["one_email"]["unique"]


def test_stored_duplicates_keep_it_from_being_ready_and_no_address_is_told(database, stored):
    stored.users.drop_index("one_email")
    for name in ("One", "Two"):
        stored.users.insert_one(new(name=name, email="a@x.org", email_key="a@x.org").to_mongo())
    try:
        with pytest.raises(NotReady) as caught:
            database.prepare()
        assert caught.value.details[0].code == "duplicates"
        assert "a@x.org" not in caught.value.details[0].message
    finally:
        stored.users.delete_many({})
        database.prepare()


@pytest.mark.parametrize(("code", "detail"), [(18, "refused"), (13, "refused"), (86, "refused"), (None, "refused")])
def test_a_refusal_is_told_in_our_words(database, code, detail):
    told = database._reason(OperationFailure("user:pass@host a@x.org", code, {"codeName": "Name"}))
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


def test_the_same_code_runs_on_mongomock_without_transactions(settings, database, monkeypatch):
    monkeypatch.setattr(LeaseDAO, "take", lambda *_, **__: True)  # It has no clock of its own, which leases go by.
    monkeypatch.setattr(LeaseDAO, "now", lambda _: clock.now())
    mock = MockDatabase(
        "mongodb://localhost",
        "mock",
        migrations_of(settings),
        client_class=mongomock.MongoClient,
        preparations=(services_of(settings).store_basics,),
    )
    mock.connect()
    try:
        mock.prepare()
        app = create_app(settings, services_of(settings), mock)
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
