"""The retention sweep over several workers, racing changes, and commands on a running API."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from pymongo import MongoClient

from rollbook.kit import clock
from tests.conftest import ADA
from tests.harness.serving import serving, wait_until
from tests.serving.guarded import run_command

EXPIRED = 30


@pytest.fixture
def expired(mongod, tmp_path):
    """A database with EXPIRED users to purge, one who was deleted just now, and one active user."""
    environment = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "sweeps", "WORKERS": 4}
    with MongoClient(mongod.uri) as client:
        client.drop_database("sweeps")
        with (
            serving(tmp_path, **environment | {"WORKERS": 1}) as server,
            httpx.Client(base_url=server.url) as http,
        ):
            server.await_status("/ready", 200)
            for number in range(EXPIRED + 2):
                created = http.post("/api/users", json=ADA | {"email": f"{number}@example.com"})
                assert created.status_code == 201
                if number:
                    assert http.delete(created.headers["Location"]).status_code == 204
        long_ago = {"$set": {"deleted_at": clock.now() - timedelta(days=31)}}
        client.sweeps.users.update_many(
            {"is_deleted": True, "email_key": {"$ne": "1@example.com"}}, long_ago
        )
        client.sweeps.leases.delete_many({})
        yield environment, client.sweeps
        client.drop_database("sweeps")


@pytest.mark.long
def test_one_worker_of_all_replicas_sweeps(expired, tmp_path):
    environment, stored = expired
    with serving(tmp_path, **environment) as one, serving(tmp_path, **environment) as other:
        one.await_status("/ready", 200)
        other.await_status("/ready", 200)
        wait_until(lambda: stored.users.count_documents({}) == 2, seconds=30)
        time.sleep(3)  # By then, every worker has tried to get the lease.
        sweeps = (one.log.read_text() + other.log.read_text()).count(f"purged {EXPIRED} users")
    assert sweeps == 1
    assert sorted(user["email_key"] for user in stored.users.find()) == [
        "0@example.com",
        "1@example.com",
    ]
    purges = list(stored.audit.find({"action": "user.purged"}))
    assert len(purges) == len({entry["target_id"] for entry in purges}) == EXPIRED
    assert {entry["actor_type"] for entry in purges} == {"system"}


@pytest.mark.long
def test_purge_command_prints_number_of_purged_users(expired, tmp_path):
    environment, stored = expired
    dry_run = run_command(tmp_path, "purge", "--dry-run", **environment)
    assert f"{EXPIRED} users would be purged." in dry_run.stdout
    assert stored.users.count_documents({}) == EXPIRED + 2
    assert f"{EXPIRED} users purged." in run_command(tmp_path, "purge", **environment).stdout
    assert stored.audit.count_documents({"action": "user.purged", "actor_type": "cli"}) == EXPIRED
    assert "0 users purged." in run_command(tmp_path, "purge", **environment).stdout


@pytest.mark.long
def test_migrate_command_makes_production_ready(mongod, tmp_path):
    environment = {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": "waits",
        "ENVIRONMENT": "production",
    }
    environment |= {"BCRYPT_ROUNDS": "10", "WORKERS": "1"}
    with MongoClient(mongod.uri) as client:
        client.drop_database("waits")
        client.waits.users.insert_one({"email_key": "a@x.org"})
        with serving(tmp_path, **environment) as server:
            server.await_status("/ready", 503)
            wait_until(lambda: "migration_pending" in httpx.get(f"{server.url}/ready").text)
            ready = httpx.get(f"{server.url}/ready").json()
            assert "rollbook migrate" in ready["error"]["details"][0]["message"]
            plan = run_command(tmp_path, "migrate", "--dry-run", **environment).stdout
            assert "Would run migration 1: mark users as not deleted." in plan
            assert client.waits.list_collection_names() == ["users"]
            assert "up to date now" in run_command(tmp_path, "migrate", **environment).stdout
            server.await_status("/ready", 200)
            again = run_command(tmp_path, "migrate", **environment)
            assert "The database is up to date." in again.stdout
        client.drop_database("waits")


def test_changes_racing_deletions_leave_no_partial_state(http, users, mongod):
    """A partial change would show as a missing field, or as a version without an audit entry."""
    racing = [ADA | {"email": f"race{number}@example.com"} for number in range(20)]
    paths = [http.post("/api/users", json=user).headers["Location"] for user in racing]

    def change_or_delete(number):
        path = paths[number % 20]
        if number % 10 == 5:
            return http.delete(path).status_code
        return http.patch(path, json={"name": f"Ada {number}"}).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(change_or_delete, range(200)))
    assert statuses <= {200, 204, 404}
    with MongoClient(mongod.uri) as client:
        for user in users.find({"email_key": {"$regex": "^race"}}):
            assert user["is_deleted"] == ("deleted_at" in user)
            query = {"target_id": str(user["_id"]), "version": {"$gt": 0}}
            versions = sorted(entry["version"] for entry in client.serving.audit.find(query))
            assert versions == list(range(1, user["version"] + 1))
            assert {"name", "email", "password_hash", "role"} <= user.keys()
