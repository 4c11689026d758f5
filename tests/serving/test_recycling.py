"""A process that is replaced after a number of requests (WORKER_MAX_REQUESTS)."""

import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.harness.serving import serving, wait_until

REQUESTS = 600


@pytest.fixture
def settings(mongod):
    return {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": "recycling",
        "WORKER_MAX_REQUESTS": 100,
        "SHUTDOWN_DELAY_SECONDS": 2,
    }


@pytest.mark.long
def test_processes_are_replaced_without_a_failed_request(settings, tmp_path):
    with serving(tmp_path, WORKERS=2, **settings) as server:
        server.await_status("/ready", 200)
        with httpx.Client(base_url=server.url) as http:
            seen = [http.get(path).status_code for path in ("/api/users", "/ready") * REQUESTS]
        assert set(seen) == {200}
        lines = server.log.read_text().splitlines()
        replaced = [line for line in lines if "replacing a process after" in line]
        assert len(replaced) >= 5
        ready = [line for line in lines if "database ready" in line]
        assert len(ready) >= 5
        assert len(list_metrics_files(server)) < 20
        (count,) = re.findall(
            r"^rollbook_http_requests_total.*/ready.* (\d+)", get_metrics(server), re.M
        )
        assert int(count) >= REQUESTS
        assert server.stop() == 0


def get_metrics(server):
    return httpx.get(f"{server.url}/metrics").text


def list_metrics_files(server):
    (folder,) = Path("/dev/shm").glob(f"rollbook-metrics-{server.process.pid}-*")
    return list(folder.iterdir())


@pytest.mark.long
def test_replacement_does_not_hide_that_the_server_stops(settings, tmp_path):
    with serving(tmp_path, WORKERS=1, **settings | {"SHUTDOWN_DELAY_SECONDS": 6}) as server:
        server.await_status("/ready", 200)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/ready").status_code == 503, seconds=2)
        with httpx.Client(base_url=server.url) as http:
            assert {http.get("/ready").status_code for _ in range(150)} == {503}
