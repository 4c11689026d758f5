"""What crosses workers: one sweep for all of them, changes that race, commands beside a running API."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from pymongo import MongoClient

from rollbook.kit import clock
from tests.conftest import ADA
from tests.harness.serving import eventually, serving
from tests.serving.guarded import command

EXPIRED = 30


@pytest.fixture
def expired(mongod, tmp_path):
    """A database with users who were deleted long ago, and one who was just now."""
    environment = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "sweeps", "WORKERS": 4}
    with MongoClient(mongod.uri) as client:
        client.drop_database("sweeps")
        with serving(tmp_path, **environment | {"WORKERS": 1}) as server, httpx.Client(base_url=server.url) as http:
            server.await_status("/ready", 200)
            for number in range(EXPIRED + 2):
                made = http.post("/api/users", json=ADA | {"email": f"{number}@example.com"})
                assert made.status_code == 201
                if number:
                    assert http.delete(made.headers["Location"]).status_code == 204
        long_ago = {"$set": {"deleted_at": clock.now() - timedelta(days=31)}}
        client.sweeps.users.update_many({"is_deleted": True, "email_key": {"$ne": "1@example.com"}}, long_ago)
        client.sweeps.leases.delete_many({})
        yield environment, client.sweeps
        client.drop_database("sweeps")


def test_four_workers_and_two_replicas_sweep_once(expired, tmp_path):
    environment, stored = expired
    with serving(tmp_path, **environment) as one, serving(tmp_path, **environment) as other:
        one.await_status("/ready", 200)
        other.await_status("/ready", 200)
        eventually(lambda: stored.users.count_documents({}) == 2, seconds=30)
        time.sleep(3)  # In which every worker has asked.
        swept = (one.log.read_text() + other.log.read_text()).count(f"purged {EXPIRED} users")
    assert swept == 1
    assert sorted(user["email_key"] for user in stored.users.find()) == ["0@example.com", "1@example.com"]
    purges = list(stored.audit.find({"action": "user.purged"}))
    assert len(purges) == len({entry["target_id"] for entry in purges}) == EXPIRED
    assert {entry["actor_type"] for entry in purges} == {"system"}


def test_the_command_purges_too_and_says_how_many(expired, tmp_path):
    environment, stored = expired
    assert f"{EXPIRED} users would be purged." in command(tmp_path, "purge", "--dry-run", **environment).stdout
    assert stored.users.count_documents({}) == EXPIRED + 2
    assert f"{EXPIRED} users purged." in command(tmp_path, "purge", **environment).stdout
    assert stored.audit.count_documents({"action": "user.purged", "actor_type": "cli"}) == EXPIRED
    assert "0 users purged." in command(tmp_path, "purge", **environment).stdout


def test_the_command_migrates_what_production_waits_for(mongod, tmp_path):
    environment = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "waits", "ENVIRONMENT": "production"}
    environment |= {"BCRYPT_ROUNDS": "10", "WORKERS": "1"}
    with MongoClient(mongod.uri) as client:
        client.drop_database("waits")
        client.waits.users.insert_one({"email_key": "a@x.org"})
        with serving(tmp_path, **environment) as server:
            server.await_status("/ready", 503)
            eventually(lambda: "migration_pending" in httpx.get(f"{server.url}/ready").text)
            assert "rollbook migrate" in httpx.get(f"{server.url}/ready").json()["error"]["details"][0]["message"]
            told = command(tmp_path, "migrate", "--dry-run", **environment).stdout
            assert "Would run migration 1: mark users as not deleted." in told
            assert client.waits.list_collection_names() == ["users"]
            assert "up to date now" in command(tmp_path, "migrate", **environment).stdout
            server.await_status("/ready", 200)
            assert "The database is up to date." in command(tmp_path, "migrate", **environment).stdout
        client.drop_database("waits")


def test_200_changes_that_race_deletions_leave_no_stump(http, users, mongod):
    """Half a change, or a change of who is deleted, would show as a missing field or as a version without its entry."""
    racing = [ADA | {"email": f"race{number}@example.com"} for number in range(20)]
    paths = [http.post("/api/users", json=user).headers["Location"] for user in racing]

    def one(number):
        path = paths[number % 20]
        if number % 10 == 5:
            return http.delete(path).status_code
        return http.patch(path, json={"name": f"Ada {number}"}).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(one, range(200)))
    assert statuses <= {200, 204, 404}
    with MongoClient(mongod.uri) as client:
        for user in users.find({"email_key": {"$regex": "^race"}}):
            assert user["is_deleted"] == ("deleted_at" in user)
            entries = client.serving.audit.find({"target_id": str(user["_id"]), "version": {"$gt": 0}})
            assert sorted(entry["version"] for entry in entries) == list(range(1, user["version"] + 1))
            assert {"name", "email", "password_hash", "role"} <= user.keys()
