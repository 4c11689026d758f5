"""A process that is replaced after a number of requests (WORKER_MAX_REQUESTS)."""

import httpx
import pytest

from tests.harness.serving import serving

REQUESTS = 600


@pytest.fixture
def settings(mongod):
    return {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": "recycling",
        "WORKER_MAX_REQUESTS": 100,
        "SHUTDOWN_DELAY_SECONDS": 2,
    }


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
        assert server.stop() == 0
