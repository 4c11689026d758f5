"""Requests that need a password hash at one instant wait for their turn."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest

from tests.conftest import PASSWORD
from tests.harness.serving import serving


@pytest.fixture(scope="module")
def server(mongod, tmp_path_factory):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "bursts", "BCRYPT_ROUNDS": 12}
    with serving(tmp_path_factory.mktemp("bursts"), **settings) as server:
        server.await_status("/ready", 200)
        yield server


def create_at_once(server, bodies):
    """The statuses of creates that start at the same instant."""
    barrier = Barrier(len(bodies))

    def create(body):
        with httpx.Client(base_url=server.url, timeout=30) as http:
            http.get("/health")
            barrier.wait()
            return http.post("/api/users", json=body).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        return sorted(pool.map(create, bodies))


def make_body(name):
    return {"name": name, "email": f"{name}@example.com", "password": PASSWORD}


def test_four_registrations_at_one_instant_succeed(server):
    bodies = [make_body(name) for name in ("ada", "bob", "cyd", "dan")]
    assert create_at_once(server, bodies) == [201] * 4


def test_first_of_equal_creates_wins_and_the_others_hear_409(server):
    assert create_at_once(server, [make_body("eve")] * 6) == [201] + [409] * 5
