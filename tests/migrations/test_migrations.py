"""From what an earlier version stored to what this one expects."""

import hashlib
import logging
import os
import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import PyMongoError, WriteError

from rollbook.app import create_app
from rollbook.kit import clock
from rollbook.kit.database import Database
from rollbook.kit.errors import NotReady
from rollbook.kit.transactions import unhurried
from rollbook.kit.validators import validator_of
from rollbook.migrations.service import LEASE
from rollbook.migrations.steps import STEPS, m0001_mark_present_users
from rollbook.services import DOCUMENTS, migrations_of, services_of
from rollbook.sessions import refresh_tokens
from rollbook.users.dao import users
from tests.conftest import ADA
from tests.kit.test_dao import new

MANY = int(os.environ.get("MIGRATED", "5000"))
"""Users of before; a million take some minutes."""


@pytest.fixture
def earlier(mongod, settings, database):
    """A database as version 0.1 left it: users without is_deleted, and indexes of its own."""
    with MongoClient(mongod.uri) as client:
        client.drop_database("earlier")
        one = dict(new().to_mongo())
        del one["is_deleted"]
        for first in range(0, MANY, 5_000):
            some = range(first, min(first + 5_000, MANY))
            client.earlier.users.insert_many([one | {"email_key": f"{number}@x.org"} for number in some])
        client.earlier.users.create_index("email_key", name="uniq_email", unique=True)
        client.earlier.users.create_index([("role", 1), ("is_active", 1)], name="by_role")
        yield client.earlier
        client.drop_database("earlier")
    database.connect()
    database.prepare()


@pytest.fixture
def opened(earlier, settings, mongod):
    """A Database on what is earlier, in the environment that is named."""
    made = []

    def of(environment):
        there = settings.model_copy(update={"mongodb_dbname": "earlier", "environment": environment})
        services = services_of(there)
        database = Database(mongod.uri, "earlier", migrations_of(there), preparations=(services.store_basics,))
        made.append(database)
        database.connect()
        return database

    yield of
    for database in made:
        database.close()


def test_a_start_in_development_migrates(opened, earlier):
    database = opened("development")
    database.prepare()
    database.check()
    assert earlier.users.count_documents({"is_deleted": False}) == MANY
    assert {"one_email", "listed_by_role"} <= earlier.users.index_information().keys()
    assert not {"uniq_email", "by_role"} & earlier.users.index_information().keys()
    assert earlier.users.count_documents({"email_skeleton": {"$type": "string"}}) == MANY
    applied = {each["_id"]: each for each in earlier.migrations.find()}
    assert {number: each["changed"] for number, each in applied.items()} == {1: MANY, 2: 0, 3: MANY}
    assert all(len(each["checksum"]) == 64 and each["duration_ms"] >= 0 for each in applied.values())
    assert earlier.audit.count_documents({"action": "migration.applied", "actor_type": "system"}) == len(STEPS)
    assert users.find("email_key", "7@x.org").version == 1


def test_a_start_in_production_waits_and_says_for_what(opened, earlier, caplog):
    database = opened("production")
    with caplog.at_level(logging.WARNING), pytest.raises(NotReady) as caught:
        database.prepare()
    detail = caught.value.details[0]
    assert detail.code == "migration_pending"
    titles = ", ".join(f"{step.number} ({step.title})" for step in STEPS)
    assert detail.message == f"Migrations have not run: {titles}. Run `rollbook migrate`."
    assert detail.message in caplog.text
    assert earlier.users.count_documents({"is_deleted": {"$exists": True}}) == 0
    assert earlier.list_collection_names() == ["users"]
    opened("development").prepare()
    database.connect()
    database.prepare()


def test_where_there_are_no_users_a_start_in_production_prepares(opened, earlier):
    earlier.users.delete_many({})
    opened("production").prepare()
    assert earlier.migrations.count_documents({}) == len(STEPS)


def test_sessions_of_before_go_on_under_random_ids(opened, earlier, settings):
    """The validator of before took no id but an ObjectId."""
    token = refresh_tokens.new()
    hashes = refresh_tokens.hashes(token)
    now = clock.now()
    times = {"created_at": now, "last_used_at": now, "expires_at": now + timedelta(days=7)}
    user_id = earlier.users.find_one()["_id"]
    earlier.create_collection("sessions", validator={"$jsonSchema": {"properties": {"_id": {"bsonType": "objectId"}}}})
    known = {"_id": ObjectId(), "user_id": user_id, "family": hashes.family, "current": hashes.token}
    earlier.sessions.insert_one(known | times)
    database = opened("development")
    database.prepare()
    (session,) = earlier.sessions.find()
    assert {**session, **times} == known | times | {"_id": session["_id"]}
    assert session["expires_at"] == times["expires_at"].replace(tzinfo=None)
    assert re.fullmatch("[0-9a-f]{32}", session["_id"])
    guarded = settings.model_copy(update={"auth_required": True})
    services = services_of(guarded)
    services.require_keys()
    client = create_app(guarded, services, database).test_client()
    refreshed = client.post("/api/auth/refresh", json={"refresh_token": token})
    assert refreshed.status_code == 200
    with pytest.raises(WriteError):
        earlier.sessions.insert_one(known | times | {"family": "other"})


class Stopped(BaseException):
    """As Ctrl-C is."""


def test_a_migration_that_was_interrupted_goes_on_and_does_all_of_it_once(opened, earlier, settings):
    opened("development")
    migrations = migrations_of(settings)
    looked_at = []

    @contextmanager
    def until_the_second_batch(step, total):
        def tell(number):
            if step is not STEPS[0]:
                return
            looked_at.append(number)
            if len(looked_at) == 2:
                raise Stopped

        assert total == (0 if step.number == 2 else MANY)
        yield tell

    with pytest.raises(Stopped):
        migrations.apply(until_the_second_batch)
    assert earlier.users.count_documents({"is_deleted": False}) == sum(looked_at) == 4_000
    assert earlier.migrations.count_documents({}) == 0
    migrations.apply()
    assert earlier.users.count_documents({"is_deleted": False}) == MANY
    assert earlier.migrations.find_one()["changed"] == MANY - 4_000


def test_two_never_migrate_at_once_and_who_loses_the_lock_stops(opened, earlier, settings):
    opened("development")
    migrations = migrations_of(settings)

    @contextmanager
    def robbed(step, total):
        def tell(number):
            with pytest.raises(NotReady):
                migrations.apply()
            earlier.leases.update_one({"_id": LEASE}, {"$set": {"holder": "someone else"}})

        yield tell

    with pytest.raises(NotReady) as caught:
        migrations.apply(robbed)
    assert caught.value.details[0].code == "migrating"
    assert earlier.leases.find_one({"_id": LEASE})["holder"] == "someone else"
    assert earlier.migrations.count_documents({}) == 0


def test_who_registers_with_the_earlier_version_meanwhile_is_not_lost(opened, earlier, settings):
    opened("development")
    late = new(name="Late", email_key="late@x.org").to_mongo()
    del late["is_deleted"]

    @contextmanager
    def registering(step, total):
        yield lambda _: None
        if step is STEPS[0]:
            earlier.users.insert_one(late)

    migrations_of(settings).apply(registering)
    assert users.find("email_key", "late@x.org").name == "Late"
    with pytest.raises(WriteError):
        earlier.users.insert_one({**late, "_id": "another", "email_key": "later@x.org"})


def test_an_index_that_the_earlier_version_puts_back_is_noticed(opened, earlier, settings):
    database = opened("development")
    database.prepare()
    earlier.users.create_index("email_key", name="uniq_email", unique=True)
    with pytest.raises(NotReady) as caught:
        database.check()
    assert caught.value.details[0].code == "index_former"
    database.prepare()
    assert "uniq_email" not in earlier.users.index_information()


def test_what_takes_longer_than_a_request_may_is_built(earlier, mongod):
    with MongoClient(mongod.uri, timeoutMS=20) as impatient:
        rows = impatient.earlier.users
        with pytest.raises(PyMongoError):
            rows.create_index([(field, 1) for field in ("name", "email", "password_hash")], name="slow")
        with unhurried():
            rows.create_index([(field, 1) for field in ("email", "name", "password_hash")], name="slower")
        assert "slower" in earlier.users.index_information()


def test_what_is_stored_changes_only_with_a_migration():
    """A version verifies all of it, and stops when it is another: two that differ must differ in their migrations."""
    described = [(document._meta["index_specs"], validator_of(document)) for document in DOCUMENTS]
    digest = hashlib.sha256(repr(described).encode()).hexdigest()[:16]
    assert {STEPS[-1].number: digest} == {3: "1c15d9dd53612368"}, "write a migration, then pin what is stored since"


def test_what_a_newer_version_migrated_is_left_to_it(opened, earlier, settings, database):
    opened("development").prepare()
    earlier.migrations.update_one({"_id": 1}, {"$set": {"title": "x"}})
    row = earlier.migrations.find_one()
    earlier.migrations.insert_one({**row, "_id": 99})
    earlier.command("collMod", "users", validator={})
    older = migrations_of(settings)
    assert older.find_fault() is None
    earlier.migrations.delete_one({"_id": 99})
    assert older.find_fault().code == "validator_missing"


def test_code_that_changed_since_it_ran_is_noticed(opened, earlier, settings):
    opened("development").prepare()
    migrations = migrations_of(settings)
    assert migrations.altered() == []
    earlier.migrations.update_one({"_id": 1}, {"$set": {"checksum": "0" * 64}})
    assert [step.number for step in migrations.altered()] == [1]


def test_migrations_are_numbered_without_a_gap_and_never_renamed():
    assert [step.number for step in STEPS] == list(range(1, len(STEPS) + 1))
    assert STEPS[0].module is m0001_mark_present_users


def test_a_step_that_ran_finds_nothing_to_do(opened, earlier):
    opened("development").prepare()
    assert m0001_mark_present_users.run(earlier, lambda _: None) == 0


def test_users_of_an_earlier_version_are_listed_and_counted(opened, earlier, settings):
    database = opened("development")
    database.prepare()
    client = create_app(settings, services_of(settings), database).test_client()
    assert client.get("/api/users").json["pagination"]["total_items"] == MANY
    assert client.post("/api/users", json=ADA).status_code == 201
    assert client.get("/api/users").json["pagination"]["total_items"] == MANY + 1
