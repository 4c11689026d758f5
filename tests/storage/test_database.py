"""Readiness, with a reachable server and with none."""

from concurrent.futures import ThreadPoolExecutor

import mongomock
import pytest
from pymongo.errors import OperationFailure

from rollbook.access.principal import SYSTEM
from rollbook.app import create_app
from rollbook.database_parts import build_migrations
from rollbook.kit import clock
from rollbook.kit.errors import NotReady, Unavailable
from rollbook.leases.dao import LeaseDAO
from rollbook.services import build_services
from rollbook.storage import database as storage_database
from rollbook.storage import indexes, problems
from rollbook.storage.database import Database
from rollbook.storage.transactions import in_transaction
from rollbook.users.dao import users
from tests.conftest import ADA
from tests.harness.contract import ContractClient
from tests.storage.test_dao import LATER, new

UNREACHABLE_URI = "mongodb://someone:a-secret-word@127.0.0.1:9/?replicaSet=rs0"


@pytest.fixture
def make_database(database, settings, monkeypatch):
    """Builds a Database for another URI. The shared connection is restored afterwards."""
    monkeypatch.setitem(storage_database.CLIENT_OPTIONS, "serverSelectionTimeoutMS", 100)
    databases = []

    def make(uri, **arguments):
        databases.append(Database(uri, "test", build_migrations(settings), **arguments))
        return databases[-1]

    yield make
    for other in databases:
        other.close()
    database.connect()
    monkeypatch.undo()
    database.prepare()


@pytest.mark.slow
def test_unreachable_database_is_not_ready(make_database):
    unreachable = make_database(UNREACHABLE_URI)
    with pytest.raises(Unavailable):
        unreachable.require_ready()
    with pytest.raises(NotReady) as caught:
        unreachable.prepare()
    assert caught.value.details[0].code == "unreachable"
    assert "secret" not in caught.value.details[0].message
    with pytest.raises(NotReady):
        unreachable.check_ready()


def test_uri_options_do_not_weaken_writes(make_database, mongod, stored):
    """The database in a URI is only for authentication. No option may weaken or break a write."""
    for options in (
        "readPreference=secondaryPreferred",
        "readConcernLevel=linearizable",
        "w=1&journal=false",
    ):
        other = make_database(mongod.uri.replace("/?", "/admin?") + "&" + options)
        other.prepare()
        user = in_transaction(lambda: users.insert(new()), actor=SYSTEM)
        in_transaction(
            lambda pk=user.pk: users.update(pk, version=1, at=LATER, fields={"name": "Bob"}),
            actor=SYSTEM,
        )
        assert users.get(user.pk).name == "Bob"
        users.delete(user.pk)
        assert users._collection.database.name == "test"


def test_unknown_srv_record_is_not_ready(make_database):
    with pytest.raises(NotReady) as caught:
        make_database("mongodb+srv://nowhere.invalid").prepare()
    assert caught.value.details[0].code == "unreachable"


def test_prepare_rebuilds_dropped_indexes(database, stored):
    stored.users.drop()
    with pytest.raises(NotReady) as caught:
        database.check_ready()
    assert caught.value.details[0].code == "index_missing"
    database.prepare()
    database.check_ready()
    assert stored.users.index_information()["one_email"]["unique"]


def test_prepare_replaces_a_different_index(database, stored):
    stored.users.drop_index("one_email")
    stored.users.create_index("email_key", name="one_email")
    with pytest.raises(NotReady):
        database.check_ready()
    database.prepare()
    database.check_ready()
    assert stored.users.index_information()["one_email"]["unique"]


def test_each_loss_of_readiness_is_logged(database, stored, caplog):
    stored.users.drop_index("one_email")
    stored.users.insert_many(
        [new(name=name, email="a@x.org", email_key="a@x.org").to_mongo() for name in ("One", "Two")]
    )
    caplog.set_level("INFO")
    try:
        for _ in range(2):
            with pytest.raises(NotReady):
                database.prepare()
            duplicates = list(stored.users.find())
            stored.users.delete_many({})
            database.prepare()
            stored.users.drop_index("one_email")
            stored.users.insert_many(duplicates)
    finally:
        stored.users.delete_many({})
        database.prepare()
    lines = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert lines.count("not ready") == lines.count("database ready") - 1 == 2


def test_duplicate_emails_prevent_readiness(database, stored):
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


@pytest.mark.parametrize(
    ("code", "detail"), [(18, "refused"), (13, "refused"), (86, "refused"), (None, "refused")]
)
def test_driver_error_is_described_without_secrets(database, code, detail):
    problem = problems.describe_error(
        OperationFailure("user:pass@host a@x.org", code, {"codeName": "Name"}), database._client
    )
    assert problem.code == detail
    assert "@" not in problem.message


def test_workers_can_create_a_collection_concurrently(mongod):
    with storage_database.MongoClient(mongod.uri) as client, ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            client.drop_database("fresh")
            collection = client.fresh.things
            assert (
                list(pool.map(lambda _, c=collection: indexes._create_collection(c), range(8)))
                == [None] * 8
            )
            assert client.fresh.list_collection_names() == ["things"]


class MockDatabase(Database):
    """mongomock has no `hello` command."""

    def require_primary(self):
        pass


def test_api_runs_on_mongomock_without_transactions(settings, database, monkeypatch):
    # mongomock has no database time, which leases need.
    monkeypatch.setattr(LeaseDAO, "acquire", lambda *_, **__: True)
    monkeypatch.setattr(LeaseDAO, "get_database_time", lambda _: clock.now())
    mock = MockDatabase(
        "mongodb://localhost",
        "mock",
        build_migrations(settings),
        client_class=mongomock.MongoClient,
        preparations=(build_services(settings).create_defaults,),
    )
    mock.connect()
    try:
        mock.prepare()
        app = create_app(settings, build_services(settings), mock)
        app.test_client_class = ContractClient
        client = app.test_client()
        assert client.post("/api/users", json=ADA).status_code == 201
        assert (
            client.patch("/api/users/ada@example.com", json={"username": "ada"}).json["data"][
                "version"
            ]
            == 2
        )
        assert client.get("/api/users?sort=name").json["pagination"]["total_items"] == 1
        assert client.delete("/api/users/ada").status_code == 204
    finally:
        mock.close()
        database.connect()
        database.prepare()
