"""Callers in memory, on two replicas of two workers: no revoked one is served, whatever hangs."""

import os
import signal
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.harness.scale import rounds
from tests.harness.serving import serving, wait_until
from tests.serving.guarded import GUARDED, client, register, sign_in

pytestmark = pytest.mark.long
USES = rounds(1000)
HANG_SECONDS = 2.5
"""The most that a revocation takes while a worker hangs."""
SLACK_SECONDS = 2.0
"""For a machine that does other work at the same time."""
SHIFTED_CLOCK = """
from datetime import timedelta
from rollbook.kit import clock
now = clock.now
clock.now = lambda: now() + timedelta(hours={hours})
"""


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": "caches",
        "WORKERS": 2,
        "ACCESS_TOKEN_EXPIRE_MINUTES": 1440,
    }


@pytest.fixture(scope="module")
def replicas(environment, tmp_path_factory):
    with (
        serving(tmp_path_factory.mktemp("one"), **environment) as one,
        serving(tmp_path_factory.mktemp("two"), **environment) as two,
    ):
        for each in (one, two):
            each.await_status("/ready", 200)
        yield one, two


@pytest.fixture
def http(replicas):
    with client(replicas[0]) as http:
        yield http


@pytest.fixture
def admin(http):
    return sign_in(http)


def list_workers(server):
    parent = server.process.pid
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def get_status(server, user):
    """On a connection of its own, so that any worker may answer."""
    host = server.url.removeprefix("http://")
    with closing(HTTPConnection(host, timeout=20)) as connection:
        connection.request("GET", "/api/auth/me", headers=user.headers)
        return connection.getresponse().status


def use_everywhere(replicas, user, uses):
    """Return the statuses of `uses` requests, half of them to each replica."""
    with ThreadPoolExecutor(8) as pool:
        servers = (replicas[number % 2] for number in range(uses))
        return list(pool.map(lambda server: get_status(server, user), servers))


def remember(replicas, user):
    assert set(use_everywhere(replicas, user, 40)) == {200}


def revoke(http, user):
    """Sign out, and return the seconds that it took."""
    started = time.monotonic()
    assert http.post("/api/auth/logout", headers=user.headers).status_code == 204
    return time.monotonic() - started


@contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_worker_that_hung_serves_no_revoked_caller(replicas, http, admin):
    for number, pid in enumerate(list_workers(replicas[1])):
        user = register(http, f"hung{number}")
        remember(replicas, user)
        with stopped(pid):
            seconds = revoke(http, user)
        assert use_everywhere(replicas, user, USES).count(401) == USES
        assert seconds < HANG_SECONDS + SLACK_SECONDS


def test_killed_worker_delays_one_revocation(replicas, http, admin):
    user, later = register(http, "killed"), register(http, "later")
    for each in (user, later):
        remember(replicas, each)
    os.kill(list_workers(replicas[1])[0], signal.SIGKILL)
    assert revoke(http, user) < HANG_SECONDS + SLACK_SECONDS
    assert use_everywhere(replicas, user, USES).count(401) == USES
    wait_until(lambda: get_status(replicas[1], later) == 200)
    assert revoke(http, later) < 1


def test_no_caller_is_served_for_long_without_mongodb(replicas, http, admin, mongod):
    """The leases end by themselves. What is revoked afterwards counts at once."""
    user = register(http, "paused")
    remember(replicas, user)
    with MongoClient(mongod.uri) as mongo:
        pid = mongo.admin.command("serverStatus")["pid"]
    with stopped(pid):
        time.sleep(HANG_SECONDS)
        assert set(use_everywhere(replicas, user, 8)) == {503}
    wait_until(lambda: set(use_everywhere(replicas, user, 8)) == {200})
    wait_until(lambda: http.get("/ready").status_code == 200)  # The worker of this connection.
    revoke(http, user)
    assert set(use_everywhere(replicas, user, USES)) <= {401, 503}


@pytest.mark.parametrize("hours", [-1, 1])
def test_wrong_clock_of_a_replica_changes_nothing(
    environment, replicas, http, admin, tmp_path, hours
):
    """Neither for what it revokes, nor for what it remembers."""
    shift = tmp_path / "sitecustomize.py"
    shift.write_text(SHIFTED_CLOCK.format(hours=hours))
    with (
        serving(tmp_path, PYTHONPATH=tmp_path, **environment) as wrong,
        client(wrong) as its_http,
    ):
        wrong.await_status("/ready", 200)
        user, other = register(http, f"right{hours}"), register(its_http, f"wrong{hours}")
        served = [each for each in (wrong, *replicas) if get_status(each, user) == 200]
        assert len(served) >= 2
        assert revoke(http, user) < 1
        assert {get_status(each, user) for _ in range(20) for each in served} == {401}
        assert get_status(wrong, other) == 200
        assert revoke(its_http, other) < 1
        assert {get_status(wrong, other) for _ in range(20)} == {401}


def test_revocation_takes_milliseconds_while_all_live(replicas, http, admin):
    users = [register(http, f"quick{number}") for number in range(rounds(200))]
    seconds = []
    for user in users:
        remember(replicas, user)
        seconds.append(revoke(http, user))
        assert set(use_everywhere(replicas, user, 8)) == {401}
    p99 = statistics.quantiles(seconds, n=100)[98]
    print(
        f"revocation, all live: median {statistics.median(seconds) * 1000:.0f} ms, "
        f"p99 {p99 * 1000:.0f} ms"
    )
    assert p99 < 0.5
