"""Races between several processes for an e-mail address, a version and a deletion."""

import random  # noqa: TID251 - chooses which request comes first
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.conftest import ADA
from tests.harness.scale import rounds
from tests.harness.serving import retry_while_busy, serving

SPELLINGS = [
    "josé@example.com",
    "JOSÉ@example.com",
    "jose\u0301@EXAMPLE.com",
    "Jos\u00e9@Example.com",
    "ＪOSÉ@example．com",
]


def test_64_parallel_creates_of_one_address_make_one_user(http, users):
    for _ in range(rounds(20)):
        users.delete_many({})

        def create(number):
            return retry_while_busy(
                lambda: http.post("/api/users", json=ADA | {"email": SPELLINGS[number % 5]})
            )

        with ThreadPoolExecutor(64) as pool:
            responses = list(pool.map(create, range(64)))
        statuses = sorted(response.status_code for response in responses)
        assert statuses == [201] + [409] * 63
        assert users.count_documents({}) == 1


def test_patches_racing_delete_do_not_restore_user(http, users):
    statuses = set()
    for _ in range(rounds(10)):
        users.delete_many({})
        path = "/api/users/" + http.post("/api/users", json=ADA).json()["data"]["id"]
        deletes_at = random.randrange(5, 40)

        def patch_or_delete(number, path=path, deletes_at=deletes_at):
            if number == deletes_at:
                return http.delete(path).status_code
            return http.patch(path, json={"name": f"Ada {number}"}).status_code

        with ThreadPoolExecutor(16) as pool:
            statuses |= set(pool.map(patch_or_delete, range(51)))
        assert [user["is_deleted"] for user in users.find()] == [True]
    assert statuses == {200, 204, 404}


def test_parallel_changes_of_one_user_are_all_stored(http, users):
    users.delete_many({})
    path = "/api/users/" + http.post("/api/users", json=ADA).json()["data"]["id"]
    with ThreadPoolExecutor(16) as pool:
        responses = pool.map(lambda n: http.patch(path, json={"name": f"Ada {n}"}), range(50))
        statuses = {response.status_code for response in responses}
    assert statuses == {200}
    assert http.get(path).json()["data"]["version"] == 51


@pytest.mark.long
def test_sigterm_finishes_open_requests(mongod, tmp_path):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "graceful", "BCRYPT_ROUNDS": 13}
    with (
        serving(tmp_path, **settings) as server,
        httpx.Client(base_url=server.url, timeout=30) as http,
    ):
        server.await_status("/ready", 200)
        http.get("/ping")  # Let a worker accept the connection.
        responses = []
        slow = threading.Thread(target=lambda: responses.append(http.post("/api/users", json=ADA)))
        slow.start()
        time.sleep(0.2)
        assert server.stop() == 0
        slow.join()
    assert responses[0].status_code == 201
