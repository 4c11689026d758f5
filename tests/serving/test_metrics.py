"""Metrics of several worker processes."""

import os
import signal
from pathlib import Path

import httpx
import pytest

from tests.harness.serving import serving, wait_until
from tests.ops.test_metrics import read

PING = 'rollbook_http_requests_total{method="GET",route="/ping",status="200"}'


def list_folders(server):
    return list(Path("/dev/shm").glob(f"rollbook-metrics-{server.process.pid}-*"))


def list_workers(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


@pytest.mark.long
def test_workers_are_added_up_and_a_killed_one_leaves_no_gauge(mongod, tmp_path):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "metrics", "WORKERS": 2}
    with serving(tmp_path, **settings) as server, httpx.Client(base_url=server.url) as http:
        server.await_status("/ready", 200)
        wait_until(lambda: read(http)["rollbook_workers"] == 2)
        assert len(list_folders(server)) == 1
        for _ in range(40):  # Each on a connection of its own, so that both workers get some.
            assert httpx.get(f"{server.url}/ping").status_code == 200
        before = read(http)
        assert before[PING] == 40
        assert before["rollbook_database_ready"] == 1
        os.kill(list_workers(server.process.pid)[0], signal.SIGKILL)
        with httpx.Client(base_url=server.url) as other:
            server.await_status("/ready", 200)
            wait_until(lambda: read(other)["rollbook_workers"] == 2)
            after = read(other)
        assert after[PING] == 40
        assert after["rollbook_http_requests_in_flight"] == 1
        assert after["rollbook_worker_resident_memory_bytes"] < 300_000_000
        assert server.stop() == 0
    assert list_folders(server) == []
