"""A request that began before a revocation keeps no rights: real processes, real transactions, at one instant."""

import contextlib
import itertools
import json
import random  # noqa: TID251 - which of two requests goes first is a matter of chance
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.scale import rounds
from tests.serving.guarded import GUARDED, register, sign_in

DATABASE = "rights_inside"
ROUNDS = rounds(60)


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": DATABASE, "WORKERS": 2, "THREADS": 4}


@pytest.fixture(scope="module")
def admin(http):
    return sign_in(http)


@pytest.fixture
def users(mongod):
    with MongoClient(mongod.uri) as mongo:
        yield mongo[DATABASE].users


names = (f"someone{number}" for number in itertools.count())


def an_admin(http, admin):
    user = register(http, next(names))
    answer = http.patch(f"/api/users/{user.id}", json={"role": "admin"}, headers=admin.headers)
    assert answer.status_code == 200
    return user


def new_admin():
    return {"name": "Evil", "email": f"{next(names)}@house.org", "password": PASSWORD, "role": "admin"}


def disable(http, user, by):
    return http.patch(f"/api/users/{user.id}", json={"is_active": False}, headers=by.headers)


def test_an_admin_purged_while_their_body_trickles_in_makes_no_admin(server, http, admin, users):
    evil, body = an_admin(http, admin), new_admin()
    sent = json.dumps(body).encode()
    head = f"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in evil.headers.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as connection:
        connection.sendall(head.encode() + sent[:10])
        time.sleep(0.5)
        purged = http.delete(f"/api/users/{evil.id}?purge=true", headers=admin.headers)
        assert purged.status_code == 204
        connection.sendall(sent[10:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")
    assert users.count_documents({"email": body["email"]}) == 0


def test_an_admin_disabled_while_a_password_is_hashed_makes_no_admin(http, admin, users):
    """Whichever is first: once the disabling is answered, nothing of theirs is committed any more."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            evil, body = an_admin(http, admin), new_admin()
            creating = pool.submit(http.post, "/api/users", json=body, headers=evil.headers)
            time.sleep(random.random() * 0.02)
            assert disable(http, evil, admin).status_code == 200
            there = users.count_documents({"email": body["email"]})
            assert creating.result().status_code in ((201,) if there else (401, 503))
            assert users.count_documents({"email": body["email"]}) == there


def test_of_two_who_disable_each_other_at_one_instant_one_remains(http, admin, users):
    """Both would rest on what they read of each other: write skew, which snapshot isolation lets pass."""
    deputy = {"name": f"deputy{time.monotonic_ns()}", "permissions": ["users:update"]}
    assert http.post("/api/roles", json=deputy, headers=admin.headers).status_code == 201
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            pair = [register(http, next(names)) for _ in range(2)]
            for each in pair:
                http.patch(f"/api/users/{each.id}", json={"role": deputy["name"]}, headers=admin.headers)
            statuses = list(pool.map(lambda of, by: disable(http, of, by).status_code, pair, reversed(pair)))
            active = users.count_documents({"email": {"$in": [each.email for each in pair]}, "is_active": True})
            assert (sorted(statuses), active) == ([200, 401], 1)


def test_a_role_is_narrowed_beside_a_change_that_rests_on_it(http, admin, users):
    """What was changed before the narrowing was answered stays; after that nothing is."""
    role, allowed = f"role{time.monotonic_ns()}", ["users:update"]
    made = http.post("/api/roles", json={"name": role, "permissions": allowed}, headers=admin.headers)
    assert made.status_code == 201
    user, other = register(http, next(names)), register(http, next(names))
    http.patch(f"/api/users/{user.id}", json={"role": role}, headers=admin.headers)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            http.put(f"/api/roles/{role}", json={"permissions": allowed}, headers=admin.headers)
            name = next(names)
            changing = pool.submit(http.patch, f"/api/users/{other.id}", json={"name": name}, headers=user.headers)
            narrowed = http.put(f"/api/roles/{role}", json={"permissions": []}, headers=admin.headers)
            assert narrowed.status_code == 200
            there = users.count_documents({"name": name})
            assert changing.result().status_code == (200 if there else 403)
            assert users.count_documents({"name": name}) == there


def test_a_caller_who_changes_things_without_pause_is_disabled_all_the_same(http, admin):
    evil, stop = an_admin(http, admin), threading.Event()
    others = [register(http, next(names)) for _ in range(8)]

    def hammer(other):
        count = 0
        while not stop.is_set():
            count += 1
            with contextlib.suppress(Exception):
                body = {"name": f"Name {count}"}
                if http.patch(f"/api/users/{other.id}", json=body, headers=evil.headers).status_code == 401:
                    return count
        return 0

    with ThreadPoolExecutor(8) as pool:
        hammering = [pool.submit(hammer, other) for other in others]
        time.sleep(0.5)
        started = time.monotonic()
        answer = disable(http, evil, admin)
        took = time.monotonic() - started
        if answer.status_code != 200:
            stop.set()
        assert answer.status_code == 200, answer.text
        assert all(each.result() > 1 for each in hammering)
    assert took < 2
