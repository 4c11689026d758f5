"""A request that began before a revocation commits before it, or not at all."""

import contextlib
import itertools
import json
import random  # noqa: TID251 - chooses which request comes first
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
    return GUARDED | {
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": DATABASE,
        "WORKERS": 2,
        "THREADS": 4,
    }


@pytest.fixture(scope="module")
def admin(http):
    return sign_in(http)


@pytest.fixture
def users(mongod):
    with MongoClient(mongod.uri) as mongo:
        yield mongo[DATABASE].users


names = (f"someone{number}" for number in itertools.count())


def register_admin(http, admin):
    user = register(http, next(names))
    response = http.patch(f"/api/users/{user.id}", json={"role": "admin"}, headers=admin.headers)
    assert response.status_code == 200
    return user


def build_new_admin():
    return {
        "name": "Evil",
        "email": f"{next(names)}@house.org",
        "password": PASSWORD,
        "role": "admin",
    }


def disable(http, user, by):
    return http.patch(f"/api/users/{user.id}", json={"is_active": False}, headers=by.headers)


def test_admin_purged_while_sending_creates_no_admin(server, http, admin, users):
    evil, body = register_admin(http, admin), build_new_admin()
    sent = json.dumps(body).encode()
    head = "POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(sent)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in evil.headers.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as connection:
        connection.sendall(head.encode() + sent[:10])
        time.sleep(0.5)
        purged = http.delete(f"/api/users/{evil.id}?purge=true", headers=admin.headers)
        assert purged.status_code == 204
        connection.sendall(sent[10:])
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")
    assert users.count_documents({"email": body["email"]}) == 0


def test_disabled_admin_commits_nothing_afterwards(http, admin, users):
    """The request to disable the admin arrives while a password is hashed for the new one."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            evil, body = register_admin(http, admin), build_new_admin()
            creating = pool.submit(http.post, "/api/users", json=body, headers=evil.headers)
            time.sleep(random.random() * 0.02)
            assert disable(http, evil, admin).status_code == 200
            count = users.count_documents({"email": body["email"]})
            assert creating.result().status_code in ((201,) if count else (401, 503))
            assert users.count_documents({"email": body["email"]}) == count


def test_users_disabling_each_other_leave_one_active(http, admin, users):
    """Each reads that it is active, and writes the other: snapshot isolation allows this skew."""
    deputy = {"name": f"deputy{time.monotonic_ns()}", "permissions": ["users:update"]}
    assert http.post("/api/roles", json=deputy, headers=admin.headers).status_code == 201
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            pair = [register(http, next(names)) for _ in range(2)]
            for each in pair:
                http.patch(
                    f"/api/users/{each.id}", json={"role": deputy["name"]}, headers=admin.headers
                )
            responses = pool.map(lambda user, by: disable(http, user, by), pair, reversed(pair))
            statuses = [response.status_code for response in responses]
            emails = [each.email for each in pair]
            active = users.count_documents({"email": {"$in": emails}, "is_active": True})
            assert (sorted(statuses), active) == ([200, 401], 1)


def test_change_racing_permission_loss_commits_or_gets_403(http, admin, users):
    role, allowed = f"role{time.monotonic_ns()}", ["users:update"]
    body = {"name": role, "permissions": allowed}
    assert http.post("/api/roles", json=body, headers=admin.headers).status_code == 201
    user, other = register(http, next(names)), register(http, next(names))
    http.patch(f"/api/users/{user.id}", json={"role": role}, headers=admin.headers)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            http.put(f"/api/roles/{role}", json={"permissions": allowed}, headers=admin.headers)
            name = next(names)
            changing = pool.submit(
                http.patch, f"/api/users/{other.id}", json={"name": name}, headers=user.headers
            )
            narrowed = http.put(
                f"/api/roles/{role}", json={"permissions": []}, headers=admin.headers
            )
            assert narrowed.status_code == 200
            count = users.count_documents({"name": name})
            assert changing.result().status_code == (200 if count else 403)
            assert users.count_documents({"name": name}) == count


def test_caller_who_writes_continuously_can_be_disabled(http, admin):
    evil, stop = register_admin(http, admin), threading.Event()
    others = [register(http, next(names)) for _ in range(8)]

    def change_until_refused(other):
        """The number of requests until one gets 401, or 0."""
        count = 0
        while not stop.is_set():
            count += 1
            with contextlib.suppress(Exception):
                path, body = f"/api/users/{other.id}", {"name": f"Name {count}"}
                if http.patch(path, json=body, headers=evil.headers).status_code == 401:
                    return count
        return 0

    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(change_until_refused, other) for other in others]
        time.sleep(0.5)
        started = time.monotonic()
        response = disable(http, evil, admin)
        elapsed = time.monotonic() - started
        if response.status_code != 200:
            stop.set()
        assert response.status_code == 200, response.text
        assert all(each.result() > 1 for each in running)
    assert elapsed < 2
