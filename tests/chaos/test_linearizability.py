"""The checker finds what is wrong in a history, and none in what two servers do."""

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.chaos.cluster import cluster
from tests.chaos.linearizability import Operation, is_linearizable
from tests.conftest import PASSWORD
from tests.harness.serving import serving

USERS, CLIENTS, SECONDS = 8, 4, 15


def write(began, ended, value, *, is_certain=True):
    return Operation(began, ended, True, value, is_certain)


def read(began, ended, value):
    return Operation(began, ended, False, value)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([], True),
        ([read(0, 1, "first")], True),
        ([read(0, 1, "other")], False),
        ([write(0, 1, "a"), read(2, 3, "a")], True),
        ([write(0, 1, "a"), read(2, 3, "first")], False),  # A stale read.
        ([write(0, 3, "a"), read(1, 2, "first")], True),
        ([write(0, 3, "a"), read(1, 2, "a")], True),
        ([write(0, 9, "a"), read(1, 2, "a"), read(3, 4, "first")], False),  # It went back.
        ([write(0, 3, "a"), write(1, 4, "b"), read(5, 6, "a")], True),
        ([write(0, 1, "a"), write(2, 3, "b"), read(4, 5, "a")], False),  # A lost write.
        ([write(0, 1, "a", is_certain=False), read(2, 3, "first")], True),
        ([write(0, 1, "a", is_certain=False), read(2, 3, "first"), read(4, 5, "a")], True),
        (
            [write(0, 1, "a", is_certain=False), read(2, 3, "a"), read(4, 5, "first")],
            False,
        ),
        ([write(0, 1, "a", is_certain=False), write(2, 3, "b"), read(4, 5, "a")], True),
    ],
)
def test_checker_judges_histories(history, expected):
    for order in itertools.islice(itertools.permutations(history), 24):
        assert is_linearizable(order, "first") is expected


@pytest.mark.skipif(not os.environ.get("CHAOS"), reason="run make chaos")
@pytest.mark.timeout(300)
def test_users_are_linearizable_over_two_servers(tmp_path, capsys):
    """Clients change and read the same users through both servers, and the primary is killed."""
    with cluster(tmp_path / "cluster") as replica_set:
        settings = {"MONGODB_URI": replica_set.uri, "MONGODB_DBNAME": "one", "WORKERS": 2}
        with serving(tmp_path, **settings) as one, serving(tmp_path, **settings) as two:
            for server in (one, two):
                server.await_status("/ready", 200, seconds=30)
            users = [create(one, number) for number in range(USERS)]
            histories = {user: [] for user in users}
            until = time.monotonic() + SECONDS
            with ThreadPoolExecutor() as pool:
                for user, number in itertools.product(users, range(CLIENTS)):
                    url = f"{(one, two)[number % 2].url}/api/users/{user}"
                    pool.submit(use, url, number, until, histories[user])
                time.sleep(SECONDS / 3)
                replica_set.kill_primary(3)
    count = sum(map(len, histories.values()))
    unsure = sum(not each.is_certain for history in histories.values() for each in history)
    with capsys.disabled():
        print(f"\n{count:,} operations on {USERS} users, {unsure} without a response: ", end="")
        wrong = [user for user, each in histories.items() if not is_linearizable(each, "Name")]
        print(f"{len(wrong)} histories that no order explains")
    assert wrong == []
    assert count > 20 * USERS


def create(server, number):
    body = {"name": "Name", "email": f"u{number}@example.com", "password": PASSWORD}
    for _ in range(200):
        response = httpx.post(f"{server.url}/api/users", json=body)
        if response.status_code == 201:
            return response.json()["data"]["id"]
        time.sleep(0.05)
    raise AssertionError(response.text)


def use(url, client, until, history):
    """Change and read a user in turn, and note what came back."""
    with httpx.Client(timeout=30) as http:
        for number in itertools.count():
            if time.monotonic() > until:
                return
            is_write, value = number % 2 == 0, f"c{client}-{number}"
            began = time.monotonic()
            response = http.patch(url, json={"name": value}) if is_write else http.get(url)
            ended = time.monotonic()
            if response.status_code == 200:
                value = response.json()["data"]["name"]
                history.append(Operation(began, ended, is_write, value))
            elif is_write:
                history.append(Operation(began, ended, True, value, is_certain=False))
            time.sleep(0.1)
