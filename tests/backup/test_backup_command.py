"""`rollbook backup` and `rollbook restore` on real databases."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pyrage
import pytest
from bson import ObjectId
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.serving import OPEN, serving, wait_until
from tests.serving.guarded import GUARDED, client, register, run_command, sign_in

KEPT = ("users", "roles", "permissions", "audit", "signing_keys", "user_tallies", "migrations")
TRANSIENT = {
    "registrations",
    "cache_barriers",
    "cache_leases",
    "leases",
    "limit_counters",
    "locks",
    "mail",
}


def settings_of(mongod, name):
    return GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": name}


@pytest.fixture(scope="module")
def mongo(mongod):
    with MongoClient(mongod.uri) as mongo:
        yield mongo


@pytest.fixture(scope="module")
def filled(mongod, tmp_path_factory):
    """Settings of a database with users, roles and sessions, and the tokens of one user."""
    folder, settings = tmp_path_factory.mktemp("filled"), settings_of(mongod, "backed_up")
    with serving(folder, **settings) as server, client(server) as http:
        server.await_status("/ready", 200)
        admin = sign_in(http)
        user = register(http, "ada")
        role = {"name": "editor", "permissions": ["users:read"]}
        assert http.post("/api/roles", json=role, headers=admin.headers).status_code == 201
        gone = register(http, "gone")
        assert http.delete(f"/api/users/{gone.id}", headers=admin.headers).status_code == 204
        assert server.stop() == 0
    return settings, user


@pytest.fixture(scope="module")
def backup(filled, tmp_path_factory):
    path = tmp_path_factory.mktemp("backup") / "backup"
    done = run_command(path.parent, "backup", str(path), **filled[0])
    assert done.returncode == 0, done.stderr
    assert "not encrypted" in done.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    return path


def restore(tmp_path, settings, path, *options, stdin=""):
    return run_command(tmp_path, "restore", str(path), *options, stdin=stdin, **settings)


def read_all(mongo, settings, collections=(*KEPT, "sessions")):
    database = mongo[settings["MONGODB_DBNAME"]]
    return {name: sorted(database[name].find(), key=str) for name in collections}


def test_restored_database_is_the_same_and_serves(filled, backup, mongod, mongo, tmp_path):
    settings, user = filled
    other = settings_of(mongod, "restored")
    done = restore(tmp_path, other, backup)
    assert done.returncode == 0, done.stderr
    assert read_all(mongo, other) == read_all(mongo, settings)
    for name in ("users", "sessions", "audit"):
        indexes = mongo["restored"][name].index_information()
        assert indexes == mongo[settings["MONGODB_DBNAME"]][name].index_information()
    assert run_command(tmp_path, "doctor", **other).returncode == 0
    with serving(tmp_path, **other) as server, client(server) as http:
        server.await_status("/ready", 200)
        assert http.get("/api/auth/me", headers=user.headers).status_code == 200
        refreshed = http.post("/api/auth/refresh", json={"refresh_token": user.refresh_token})
        assert refreshed.status_code == 200
        sign_in(http, user.email, PASSWORD)


def test_backup_has_every_collection_that_is_not_transient(filled, backup, mongo, tmp_path):
    stored = set(mongo[filled[0]["MONGODB_DBNAME"]].list_collection_names())
    again = run_command(tmp_path, "backup", str(tmp_path / "again"), **filled[0])
    named = set(re.findall(r"^ +[\d,]+ (\w+)$", again.stderr, re.M))
    assert stored - named <= TRANSIENT
    assert named.isdisjoint(TRANSIENT)


@pytest.mark.long
def test_sessions_can_be_left_out(filled, backup, mongod, mongo, tmp_path):
    other = settings_of(mongod, "without_sessions")
    assert restore(tmp_path, other, backup, "--without-sessions").returncode == 0
    assert read_all(mongo, other, KEPT) == read_all(mongo, filled[0], KEPT)
    assert mongo["without_sessions"].sessions.count_documents({}) == 0


@pytest.mark.long
def test_full_database_is_only_replaced_when_asked(filled, backup, mongod, mongo, tmp_path):
    other = settings_of(mongod, "full")
    assert run_command(tmp_path, "migrate", **other).returncode == 0
    create = ("users", "create", "full@house.org")
    options = {"stdin": f"{PASSWORD}\n{PASSWORD}\n"}
    assert run_command(tmp_path, *create, **options, **other).returncode == 0
    before = read_all(mongo, other)
    for refused in (
        restore(tmp_path, other, backup),
        restore(tmp_path, other, backup, "--replace", stdin="n\n"),
    ):
        assert refused.returncode == 1
        assert read_all(mongo, other) == before
    assert restore(tmp_path, other, backup, "--replace", "--yes").returncode == 0
    assert read_all(mongo, other) == read_all(mongo, filled[0])


@pytest.mark.long
@pytest.mark.parametrize("way", ["passphrase", "recipient"])
def test_encrypted_backup_goes_through_a_pipe(filled, mongod, mongo, tmp_path, way):
    secret, identity = tmp_path / "secret", pyrage.x25519.Identity.generate()
    lock = {
        "passphrase": ["--passphrase-file", "secret"],
        "recipient": ["--recipient", str(identity.to_public())],
    }[way]
    key = lock if way == "passphrase" else ["--identity", "secret"]
    content = {"passphrase": "a passphrase of many words\n", "recipient": f"# x\n{identity}\n"}
    secret.write_text(content[way])
    environment = {name: str(value) for name, value in (OPEN | filled[0]).items()}
    command = [sys.executable, "-m", "rollbook"]
    made = subprocess.run(
        [*command, "backup", "-", *lock],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=True,
    )
    assert b"not encrypted" not in made.stderr
    other = settings_of(mongod, f"piped_{way}")
    environment = {name: str(value) for name, value in (OPEN | other).items()}
    for keys, status in (([], 1), (key, 0)):
        done = subprocess.run(
            [*command, "restore", "-", *keys],
            cwd=tmp_path,
            env=environment,
            input=made.stdout,
            capture_output=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
    assert read_all(mongo, other) == read_all(mongo, filled[0])


def test_damaged_file_changes_nothing(backup, mongod, mongo, tmp_path):
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged"
    damaged.write_bytes(content)
    other = settings_of(mongod, "damaged")
    done = restore(tmp_path, other, damaged)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "damaged" not in mongo.list_database_names()


def test_replacing_needs_a_file_that_can_be_verified(mongod, tmp_path):
    done = restore(tmp_path, settings_of(mongod, "unread"), "-", "--replace", stdin="x")
    assert (done.returncode, "needs a FILE" in done.stderr) == (2, True)


def test_existing_file_is_not_overwritten(filled, backup, tmp_path):
    before = backup.read_bytes()
    done = run_command(tmp_path, "backup", str(backup), **filled[0])
    assert (done.returncode, "exists" in done.stderr) == (1, True)
    assert backup.read_bytes() == before


@pytest.mark.long
def test_restore_under_a_running_api_is_refused(filled, backup, mongo, tmp_path):
    """It has handled no request yet."""
    settings, _ = filled
    with serving(tmp_path, **settings) as server:
        server.await_status("/ready", 200)
        refused = restore(tmp_path, settings, backup, "--replace", "--yes")
        assert (refused.returncode, "Stop it first" in refused.stderr) == (1, True)
    done = restore(tmp_path, settings, backup, "--replace", "--yes")
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_killed_restore_leaves_nothing_that_serves(filled, mongod, mongo, tmp_path):
    """The restore reads from a pipe, which stops in the middle."""
    large = tmp_path / "large"
    fill = mongo[filled[0]["MONGODB_DBNAME"]].audit
    row = fill.find_one()
    added = fill.insert_many([row | {"_id": ObjectId()} for _ in range(5000)]).inserted_ids
    try:
        assert run_command(tmp_path, "backup", str(large), **filled[0]).returncode == 0
    finally:
        fill.delete_many({"_id": {"$in": added}})
    other = settings_of(mongod, "killed")
    environment = {name: str(value) for name, value in (OPEN | other).items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "rollbook", "restore", "-"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    content = large.read_bytes()
    process.stdin.write(content[: len(content) * 2 // 3])
    process.stdin.flush()
    wait_until(lambda: mongo["killed"].users.estimated_document_count() > 0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()
    with serving(tmp_path, **other) as server, client(server) as http:
        server.await_status("/health", 200)
        time.sleep(1)
        ready = http.get("/ready")
        assert (ready.status_code, "restore" in ready.text) == (503, True)
        login = {"email": filled[1].email, "password": PASSWORD}
        assert http.post("/api/auth/login", json=login).status_code == 503
    assert restore(tmp_path, other, large).returncode == 1
    for command in (("backup", str(tmp_path / "half")), ("migrate",)):
        refused = run_command(tmp_path, *command, **other)
        assert (refused.returncode, "restore" in refused.stderr.lower()) == (1, True)
    assert not (tmp_path / "half").exists()
    diagnosis = run_command(tmp_path, "doctor", **other)
    assert (diagnosis.returncode, "rollbook migrate" in diagnosis.stdout) == (1, False)
    assert restore(tmp_path, other, large, "--replace", "--yes").returncode == 0
    assert mongo["killed"].audit.count_documents({}) > 5000


@pytest.mark.long
def test_backup_is_one_point_in_time(filled, mongod, mongo, tmp_path):
    """Each change writes a user and an audit entry. A backup has both, or neither."""
    settings = settings_of(mongod, "moving")
    with serving(tmp_path, **settings) as server, client(server) as http:
        server.await_status("/ready", 200)
        admin, stop = sign_in(http), threading.Event()

        def change():
            with client(server, headers=admin.headers) as own:
                number = 0
                while not stop.is_set():
                    number += 1
                    own.patch(f"/api/users/{admin.id}", json={"name": f"Name {number}"})

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for number in range(2):
                path = tmp_path / f"moving{number}"
                assert run_command(tmp_path, "backup", str(path), **settings).returncode == 0
        finally:
            stop.set()
            thread.join()
    for number in range(2):
        other = settings_of(mongod, f"moved{number}")
        assert restore(tmp_path, other, tmp_path / f"moving{number}").returncode == 0
        database = mongo[f"moved{number}"]
        (user,) = database.users.find({})
        entries = database.audit.count_documents({"action": "user.updated"})
        assert user["version"] > 1
        # The admin was created with version 1, and signing in makes no version.
        assert entries == user["version"] - 1
