"""The clock of one member of the replica set is wrong (libfaketime), while it is the primary."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from pymongo import MongoClient

from tests.chaos.cluster import cluster
from tests.chaos.observers import Observer, judge
from tests.conftest import ADA
from tests.harness.serving import serving, wait_until

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
OFFSETS = ["+1h", "-1h", "+40d", "-40d"]
WRITERS, SECONDS = 8, 8
SWEEP = {"_id": "retention sweep"}
MAX_DISORDER = 6.0
"""Seconds. A request gets its time at its start, and is committed within 5 s."""
pytestmark = [
    pytest.mark.skipif(not os.environ.get("CHAOS"), reason="run make chaos"),
    pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime (Debian: apt install faketime)"),
    pytest.mark.timeout(900),
]


@pytest.fixture(params=OFFSETS)
def offset(request):
    return request.param


@pytest.fixture
def replica_set(offset, tmp_path):
    """The clock of its last member is wrong, and that member is the primary."""
    with cluster(tmp_path / "cluster") as running:
        right, _, wrong = running.members
        running.make_primary(right)
        wrong.kill()
        wrong.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME": offset,
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        wrong.start()
        running.await_health()
        running.make_primary(wrong)
        now = wrong.client.admin.command("hello")["localTime"].timestamp()
        assert abs(now - time.time()) > 1800
        yield running


@pytest.fixture
def settings(replica_set, tmp_path):
    """Of a database with a schema, so that a server sweeps two seconds after its start."""
    uri = replica_set.uri
    settings = {"MONGODB_URI": uri, "MONGODB_DBNAME": "clocks", "LOG_LEVEL": "WARNING"}
    with serving(tmp_path, **settings) as server:
        server.await_status("/ready", 200, seconds=30)
    return settings


def test_wrong_clock_of_a_member_harms_nothing(offset, replica_set, settings, tmp_path, capsys):
    with serving(tmp_path, **settings) as server, MongoClient(replica_set.uri) as client:
        server.await_status("/ready", 200, seconds=30)
        database = client["clocks"]
        wait_until(lambda: database.leases.find_one(SWEEP))
        deleted = [delete_one(server, "while")]
        writers = [Observer(server.url, number) for number in range(WRITERS)]
        until = time.monotonic() + 2 * SECONDS
        with ThreadPoolExecutor(WRITERS) as pool:
            is_over = lambda: time.monotonic() > until  # noqa: E731
            running = [pool.submit(writer.write_until, is_over) for writer in writers]
            time.sleep(SECONDS)
            replica_set.make_primary(replica_set.members[0])
            deleted.append(delete_one(server, "after"))
            for each in running:
                each.result()
        replica_set.await_health()
        require_sweep(database, settings, tmp_path)
        verdict = judge(database, writers)
        restored = [restore(server, user) for user in deleted]
        at = [entry["at"] for entry in database.audit.find().sort("_id", 1)]
        log = server.log.read_text()
    statuses = {sample.status for writer in writers for sample in writer.samples}
    disorder = max((first - second).total_seconds() for first, second in pairwise(at))
    for writer in writers:
        writer.close()
    with capsys.disabled():
        writes = sum(writer.acknowledged for writer in writers)
        print(f"\nclock {offset}: {writes:,} writes, lost={verdict.lost}, half={verdict.half}, ")
        print(f"  {len(deleted)} deleted users restored, entries {disorder:.2f} s out of order")
    assert statuses <= {200, 201, 204, 404, 409, 503}
    assert (verdict.lost, verdict.half, verdict.wrong) == (0, 0, 0)
    assert restored == [200, 200]
    assert disorder < MAX_DISORDER
    assert "Traceback" not in log


def require_sweep(database, settings, folder):
    """Require that another server sweeps soon: the lease was acquired by the wrong clock."""
    before = database.leases.find_one(SWEEP)
    with serving(folder, **settings) as server:
        server.await_status("/ready", 200, seconds=30)
        wait_until(lambda: database.leases.find_one(SWEEP)["holder"] != before["holder"])


def delete_one(server, name):
    """Create and delete a user, and return the id."""
    body = ADA | {"email": f"{name}@house.org"}

    def create():
        response = httpx.post(f"{server.url}/api/users", json=body, timeout=10)
        return response.json()["data"]["id"] if response.status_code == 201 else None

    def delete():
        return httpx.delete(f"{server.url}/api/users/{user}", timeout=10).status_code in (204, 404)

    user = wait_until(create, seconds=30)
    wait_until(delete, seconds=30)
    return user


def restore(server, user):
    return httpx.post(f"{server.url}/api/users/{user}/restore", timeout=10).status_code
