"""Migrations bring the database of an earlier version to the form that this one expects."""

import json
import logging
import os
import re
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import PyMongoError, WriteError

from rollbook.app import create_app
from rollbook.database_parts import DOCUMENTS, build_migrations
from rollbook.kit import clock
from rollbook.kit.errors import NotReady
from rollbook.migrations.service import LEASE
from rollbook.migrations.steps import STEPS, m0001_mark_present_users
from rollbook.services import build_services
from rollbook.sessions import refresh_tokens
from rollbook.storage.database import Database
from rollbook.storage.driver_errors import without_timeout
from rollbook.storage.validators import build_validator
from rollbook.users.dao import users
from tests.conftest import ADA
from tests.storage.test_dao import new

MANY = int(os.environ.get("MIGRATED", "5000"))
"""Users of the earlier version. A million take some minutes."""


@pytest.fixture
def earlier(mongod, settings, database):
    """The database of version 0.1: users without is_deleted, and other indexes."""
    with MongoClient(mongod.uri) as client:
        client.drop_database("earlier")
        one = dict(new().to_mongo())
        for field in ("is_deleted", "words", "word_pairs"):
            del one[field]
        for first in range(0, MANY, 5_000):
            some = range(first, min(first + 5_000, MANY))
            client.earlier.users.insert_many(
                [one | {"email_key": f"{number}@x.org"} for number in some]
            )
        client.earlier.users.create_index("email_key", name="uniq_email", unique=True)
        client.earlier.users.create_index([("role", 1), ("is_active", 1)], name="by_role")
        yield client.earlier
        client.drop_database("earlier")
    database.connect()
    database.prepare()


@pytest.fixture
def open_database(earlier, settings, mongod):
    """Opens `earlier` in an environment."""
    made = []

    def of(environment):
        there = settings.model_copy(
            update={"mongodb_dbname": "earlier", "environment": environment}
        )
        services = build_services(there)
        database = Database(
            mongod.uri, "earlier", build_migrations(there), preparations=(services.create_defaults,)
        )
        made.append(database)
        database.connect()
        return database

    yield of
    for database in made:
        database.close()


@pytest.mark.long
def test_start_in_development_migrates(open_database, earlier):
    database = open_database("development")
    database.prepare()
    database.check_ready()
    assert earlier.users.count_documents({"is_deleted": False}) == MANY
    assert {"one_email", "listed_by_role"} <= earlier.users.index_information().keys()
    assert not {"uniq_email", "by_role"} & earlier.users.index_information().keys()
    assert earlier.users.count_documents({"email_skeleton": {"$type": "string"}}) == MANY
    assert earlier.users.count_documents({"words": "ada"}) == MANY
    applied = {each["_id"]: each for each in earlier.migrations.find()}
    assert {number: each["changed"] for number, each in applied.items()} == {
        1: MANY,
        2: 0,
        3: MANY,
        4: MANY,
    }
    assert all(
        len(each["checksum"]) == 64 and each["duration_ms"] >= 0 for each in applied.values()
    )
    assert earlier.audit.count_documents(
        {"action": "migration.applied", "actor_type": "system"}
    ) == len(STEPS)
    assert users.find("email_key", "7@x.org").version == 1


@pytest.mark.long
def test_start_in_production_waits_for_migrate(open_database, earlier, caplog):
    database = open_database("production")
    with caplog.at_level(logging.WARNING), pytest.raises(NotReady) as caught:
        database.prepare()
    detail = caught.value.details[0]
    assert detail.code == "migration_pending"
    titles = ", ".join(f"{step.number} ({step.title})" for step in STEPS)
    assert detail.message == f"Pending migrations: {titles}. Run `rollbook migrate`."
    assert detail.message in caplog.text
    assert earlier.users.count_documents({"is_deleted": {"$exists": True}}) == 0
    assert earlier.list_collection_names() == ["users"]
    open_database("development").prepare()
    database.connect()
    database.prepare()


def test_start_in_production_prepares_an_empty_database(open_database, earlier):
    earlier.users.delete_many({})
    open_database("production").prepare()
    assert earlier.migrations.count_documents({}) == len(STEPS)


@pytest.mark.long
def test_sessions_get_random_ids_and_stay_valid(open_database, earlier, settings):
    """The earlier validator accepted only ObjectIds."""
    token = refresh_tokens.create_token()
    hashes = refresh_tokens.hash_token(token)
    now = clock.now()
    times = {"created_at": now, "last_used_at": now, "expires_at": now + timedelta(days=7)}
    user_id = earlier.users.find_one()["_id"]
    earlier.create_collection(
        "sessions", validator={"$jsonSchema": {"properties": {"_id": {"bsonType": "objectId"}}}}
    )
    known = {
        "_id": ObjectId(),
        "user_id": user_id,
        "family": hashes.family,
        "current": hashes.token,
    }
    earlier.sessions.insert_one(known | times)
    database = open_database("development")
    database.prepare()
    (session,) = earlier.sessions.find()
    assert {**session, **times} == known | times | {"_id": session["_id"]}
    assert session["expires_at"] == times["expires_at"].replace(tzinfo=None)
    assert re.fullmatch("[0-9a-f]{32}", session["_id"])
    guarded = settings.model_copy(update={"auth_required": True})
    services = build_services(guarded)
    services.require_keys()
    client = create_app(guarded, services, database).test_client()
    refreshed = client.post("/api/auth/refresh", json={"refresh_token": token})
    assert refreshed.status_code == 200
    with pytest.raises(WriteError):
        earlier.sessions.insert_one(known | times | {"family": "other"})


class Stopped(BaseException):
    """Like KeyboardInterrupt."""


@pytest.mark.long
def test_interrupted_migration_continues(open_database, earlier, settings):
    open_database("development")
    migrations = build_migrations(settings)
    batches = []

    @contextmanager
    def stop_at_second_batch(step, total):
        def on_progress(number):
            if step is not STEPS[0]:
                return
            batches.append(number)
            if len(batches) == 2:
                raise Stopped

        assert total == (0 if step.number == 2 else MANY)
        yield on_progress

    with pytest.raises(Stopped):
        migrations.apply(stop_at_second_batch)
    assert earlier.users.count_documents({"is_deleted": False}) == sum(batches) == 4_000
    assert earlier.migrations.count_documents({}) == 0
    migrations.apply()
    assert earlier.users.count_documents({"is_deleted": False}) == MANY
    assert earlier.migrations.find_one()["changed"] == MANY - 4_000


def test_only_the_holder_of_the_lease_migrates(open_database, earlier, settings):
    open_database("development")
    migrations = build_migrations(settings)

    @contextmanager
    def steal_lease(step, total):
        def on_progress(number):
            with pytest.raises(NotReady):
                migrations.apply()
            earlier.leases.update_one({"_id": LEASE}, {"$set": {"holder": "someone else"}})

        yield on_progress

    with pytest.raises(NotReady) as caught:
        migrations.apply(steal_lease)
    assert caught.value.details[0].code == "migrating"
    assert earlier.leases.find_one({"_id": LEASE})["holder"] == "someone else"
    assert earlier.migrations.count_documents({}) == 0


@pytest.mark.long
def test_user_created_during_the_migration_is_migrated(open_database, earlier, settings):
    open_database("development")
    late = new(name="Late", email_key="late@x.org").to_mongo()
    del late["is_deleted"]

    @contextmanager
    def register_late(step, total):
        yield lambda _: None
        if step is STEPS[0]:
            earlier.users.insert_one(late)

    build_migrations(settings).apply(register_late)
    assert users.find("email_key", "late@x.org").name == "Late"
    with pytest.raises(WriteError):
        earlier.users.insert_one({**late, "_id": "another", "email_key": "later@x.org"})


@pytest.mark.long
def test_index_restored_by_an_earlier_version_is_found(open_database, earlier, settings):
    database = open_database("development")
    database.prepare()
    earlier.users.create_index("email_key", name="uniq_email", unique=True)
    with pytest.raises(NotReady) as caught:
        database.check_ready()
    assert caught.value.details[0].code == "index_former"
    database.prepare()
    assert "uniq_email" not in earlier.users.index_information()


def test_index_build_may_take_longer_than_a_request(earlier, mongod):
    with MongoClient(mongod.uri, timeoutMS=20) as impatient:
        rows = impatient.earlier.users
        with pytest.raises(PyMongoError):
            rows.create_index(
                [(field, 1) for field in ("name", "email", "password_hash")], name="slow"
            )
        with without_timeout():
            rows.create_index(
                [(field, 1) for field in ("email", "name", "password_hash")], name="slower"
            )
        assert "slower" in earlier.users.index_information()


def describe_stored(documents):
    """Collection → its required fields, optional fields and indexes."""
    described = {}
    for document in documents:
        schema = build_validator(document)["$jsonSchema"]
        required = set(schema["required"])
        fields = schema["properties"]
        described[document._get_collection_name()] = {
            "required": {name: fields[name] for name in sorted(required)},
            "optional": {name: fields[name] for name in sorted(fields.keys() - required)},
            "indexes": {spec["name"]: spec for spec in document._meta["index_specs"]},
        }
    return json.loads(json.dumps(described))


def find_incompatible(before, after):
    """Changes that an earlier version, or stored documents, do not allow.

    A new collection, a new optional field and a new index are compatible: `rollbook migrate` adds
    them, and an earlier version on the same database ignores them.
    """
    faults = []
    for collection, old in before.items():
        new = after.get(collection)
        if new is None:
            faults.append(f"{collection} is gone")
            continue
        if new["required"] != old["required"]:
            faults.append(f"{collection}: the required fields differ")
        for kind in ("optional", "indexes"):
            faults += [
                f"{collection}.{name} differs"
                for name, definition in old[kind].items()
                if new[kind].get(name) != definition
            ]
    return faults


SNAPSHOT = Path(__file__).with_name("stored.json")
WRITE_A_MIGRATION = (
    "write a migration in src/rollbook/migrations/steps, then run make stored-snapshot"
)


def test_stored_data_changes_only_with_a_migration():
    """An addition needs none; see find_incompatible."""
    stored = describe_stored(DOCUMENTS)
    snapshot = json.loads(SNAPSHOT.read_text())
    if snapshot["migration"] == STEPS[-1].number:
        assert find_incompatible(snapshot["stored"], stored) == [], WRITE_A_MIGRATION
    if os.environ.get("WRITE_STORED"):
        snapshot = {"migration": STEPS[-1].number, "stored": stored}
        SNAPSHOT.write_text(json.dumps(snapshot, indent=1) + "\n")
    assert snapshot == {"migration": STEPS[-1].number, "stored": stored}, "run make stored-snapshot"


def test_incompatible_change_is_found_and_an_addition_is_not():
    stored = describe_stored(DOCUMENTS)
    changed = json.loads(json.dumps(stored))
    changed["users"]["optional"]["planted"] = {"bsonType": ["string", "null"]}
    changed["users"]["indexes"]["by_planted"] = {"fields": [["planted", 1]], "name": "by_planted"}
    changed["planted"] = {"required": {}, "optional": {}, "indexes": {}}
    assert find_incompatible(stored, changed) == []
    changed["users"]["required"]["planted"] = {"bsonType": "string"}
    changed["users"]["optional"]["phone"] = {"bsonType": "int"}
    del changed["users"]["indexes"]["one_email"], changed["leases"]
    assert find_incompatible(stored, changed) == [
        "users: the required fields differ",
        "users.phone differs",
        "users.one_email differs",
        "leases is gone",
    ]


@pytest.mark.long
def test_earlier_version_ignores_an_optional_field(open_database, earlier, settings):
    """A newer version may add a field to the validator while this one is running."""
    open_database("development").prepare()
    migrations = build_migrations(settings)
    validator = earlier.command("listCollections", filter={"name": "users"})["cursor"]
    validator = validator["firstBatch"][0]["options"]["validator"]
    schema = validator["$jsonSchema"]
    schema["properties"]["planted"] = {"bsonType": ["string", "null"]}
    earlier.command("collMod", "users", validator=validator)
    assert migrations.find_problem() is None
    stricter = schema | {"required": [*schema["required"], "planted"]}
    weaker = schema | {"properties": {"_id": schema["properties"]["_id"]}}
    for other in (stricter, weaker, schema | {"additionalProperties": False}):
        earlier.command("collMod", "users", validator={"$jsonSchema": other})
        assert migrations.find_problem().code == "validator_missing"
    earlier.command("collMod", "users", validator=validator, validationAction="warn")
    assert migrations.find_problem().code == "validator_missing"


@pytest.mark.long
def test_database_of_a_newer_version_is_accepted(open_database, earlier, settings, database):
    open_database("development").prepare()
    earlier.migrations.update_one({"_id": 1}, {"$set": {"title": "x"}})
    row = earlier.migrations.find_one()
    earlier.migrations.insert_one({**row, "_id": 99})
    earlier.command("collMod", "users", validator={})
    older = build_migrations(settings)
    assert older.find_problem() is None
    earlier.migrations.delete_one({"_id": 99})
    assert older.find_problem().code == "validator_missing"


@pytest.mark.long
def test_altered_migration_is_found(open_database, earlier, settings):
    open_database("development").prepare()
    migrations = build_migrations(settings)
    assert migrations.list_altered() == []
    earlier.migrations.update_one({"_id": 1}, {"$set": {"checksum": "0" * 64}})
    assert [step.number for step in migrations.list_altered()] == [1]


def test_migrations_are_numbered_without_gaps():
    assert [step.number for step in STEPS] == list(range(1, len(STEPS) + 1))
    assert STEPS[0].module is m0001_mark_present_users


@pytest.mark.long
def test_migration_is_idempotent(open_database, earlier):
    open_database("development").prepare()
    assert m0001_mark_present_users.run(earlier, lambda _: None) == 0


@pytest.mark.long
def test_users_of_an_earlier_version_are_listed(open_database, earlier, settings):
    database = open_database("development")
    database.prepare()
    client = create_app(settings, build_services(settings), database).test_client()
    assert client.get("/api/users").json["pagination"]["total_items"] == MANY
    assert client.post("/api/users", json=ADA).status_code == 201
    assert client.get("/api/users").json["pagination"]["total_items"] == MANY + 1
