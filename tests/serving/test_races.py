"""What only several processes show: races for an address, a version, a deletion."""

import random  # noqa: TID251 - which of two requests goes first is a matter of chance
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.conftest import ADA
from tests.harness.scale import rounds
from tests.harness.serving import patiently, serving

SPELLINGS = [
    "josé@example.com",
    "JOSÉ@example.com",
    "jose\u0301@EXAMPLE.com",
    "Jos\u00e9@Example.com",
    "ＪOSÉ@example．com",
]


def test_64_creates_of_one_address_make_one_user(http, users):
    for _ in range(rounds(20)):
        users.delete_many({})

        def create(number):
            return patiently(lambda: http.post("/api/users", json=ADA | {"email": SPELLINGS[number % 5]}))

        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(create, range(64)))
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [201] + [409] * 63
        assert users.count_documents({}) == 1


def test_50_patches_racing_a_delete_revive_nobody(http, users):
    statuses = set()
    for _ in range(rounds(10)):
        users.delete_many({})
        path = "/api/users/" + http.post("/api/users", json=ADA).json()["data"]["id"]
        when = random.randrange(5, 40)

        def one(number, path=path, when=when):
            answer = http.delete(path) if number == when else http.patch(path, json={"name": f"Ada {number}"})
            return answer.status_code

        with ThreadPoolExecutor(16) as pool:
            statuses |= set(pool.map(one, range(51)))
        assert [user["is_deleted"] for user in users.find()] == [True]
    assert statuses == {200, 204, 404}


def test_parallel_changes_of_one_user_all_count(http, users):
    users.delete_many({})
    path = "/api/users/" + http.post("/api/users", json=ADA).json()["data"]["id"]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: http.patch(path, json={"name": f"Ada {n}"}).status_code, range(50)))
    assert set(answers) == {200}
    assert http.get(path).json()["data"]["version"] == 51


def test_sigterm_finishes_what_is_under_way(mongod, tmp_path):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "graceful", "BCRYPT_ROUNDS": 13}
    with serving(tmp_path, **settings) as server, httpx.Client(base_url=server.url, timeout=30) as http:
        server.await_status("/ready", 200)
        http.get("/ping")  # A worker has accepted the connection.
        answers = []
        slow = threading.Thread(target=lambda: answers.append(http.post("/api/users", json=ADA)))
        slow.start()
        time.sleep(0.2)
        assert server.stop() == 0
        slow.join()
    assert answers[0].status_code == 201
