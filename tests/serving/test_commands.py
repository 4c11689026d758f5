"""The command line: the same use cases and rules, on a real database, beside a running API."""

import pytest
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.serving import ROOT, serving
from tests.serving.guarded import GUARDED, client, command, register, sign_in

NO_ROLE = "There is no such role; GET /roles lists those there are."


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "commands", "BCRYPT_ROUNDS": 4}


@pytest.fixture
def rollbook(environment, tmp_path):
    return lambda *words, **rest: command(tmp_path, *words, **({"stdin": ""} | rest), **environment)


def test_an_admin_is_made_with_a_password_from_standard_input(rollbook, http):
    done = rollbook("users", "create-admin", "second@house.org", "--name", "Second", stdin="a second row of words\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("second@house.org is an admin now")
    admin = sign_in(http, "second@house.org", "a second row of words")
    assert http.get("/api/auth/me", headers=admin.headers).json()["data"]["role"] == "admin"
    again = rollbook("users", "create-admin", "SECOND@house.org", stdin="a second row of words\n")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.splitlines() == ["Another user has this e-mail address."]


def test_users_are_listed(rollbook, http):
    register(http, "listed")
    lines = rollbook("users", "list").stdout.splitlines()
    assert [line.split("\t")[1:] for line in lines if "listed@" in line] == [["user", "active", "listed@house.org"]]


def test_a_role_a_password_and_a_disabling_reach_the_running_api_at_once(rollbook, http):
    user = register(http, "changed")
    assert rollbook("users", "set-role", "changed@house.org", "moderator").returncode == 0
    assert http.get("/api/users", headers=user.headers).status_code == 200
    assert rollbook("sessions", "revoke", user.id).stdout == f"{user.id} is signed out everywhere.\n"
    assert http.get("/api/users", headers=user.headers).status_code == 401
    assert rollbook("users", "set-password", user.email, stdin="some other row of words\n").returncode == 0
    again = sign_in(http, user.email, "some other row of words")
    assert rollbook("users", "disable", user.email).returncode == 0
    assert http.get("/api/users", headers=again.headers).status_code == 401
    assert rollbook("users", "enable", user.email).returncode == 0
    sign_in(http, user.email, "some other row of words")


@pytest.mark.parametrize(
    ("words", "stdin", "says"),
    [
        (("users", "set-role", "nobody@house.org", "user"), "", "There is no such user."),
        (("users", "set-role", "not a ref", "user"), "", "There is no such user."),
        (("users", "set-role", "me", "user"), "", "Sign in first: `me` is the user who calls."),
        (
            ("users", "set-role", "root@house.org", "nothing"),
            "",
            "There is no such role; GET /roles lists those there are.",
        ),
        (("users", "set-role", "root@house.org", "No Name"), "", "Some of what was sent is not valid."),
        (("users", "create-admin", "no address"), PASSWORD, "Some of what was sent is not valid."),
        (("users", "create-admin", "new@house.org"), "password1", "The password does not meet the policy."),
        (("users", "create-admin", "new@house.org"), "", "Error: There is no password on standard input."),
    ],
)
def test_what_cannot_be_done_is_told_without_a_traceback(rollbook, http, words, stdin, says):
    done = rollbook(*words, stdin=stdin)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == says
    assert "Traceback" not in done.stderr
    assert not stdin or stdin not in done.stderr


def test_what_a_command_did_is_on_record(rollbook, http, mongod):
    user = register(http, "recorded")
    rollbook("users", "set-role", user.email, "moderator")
    with MongoClient(mongod.uri) as mongo:
        entry = mongo.commands.audit.find_one({"target_id": user.id, "action": "user.updated"})
    assert (entry["actor_type"], entry["changes"]) == ("cli", {"role": {"before": "user", "after": "moderator"}})


def test_a_database_that_is_away_is_one_line(tmp_path):
    done = command(tmp_path, "users", "list", MONGODB_URI="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["MongoDB does not answer; is it running, and is MONGODB_URI right?"]


def test_commands_reach_the_private_database_whether_or_not_it_runs(tmp_path):
    with serving(tmp_path, str(ROOT / "run.py"), AUTH_REQUIRED="true") as running:
        running.await_status("/ready", 200)
        assert "admin@example.com" in command(tmp_path, "users", "list").stdout
    done = command(tmp_path, "users", "set-password", "admin@example.com", stdin="an admin of many words\n")
    assert done.returncode == 0, done.stderr
    with serving(tmp_path, str(ROOT / "run.py"), AUTH_REQUIRED="true") as running, client(running) as http:
        running.await_status("/ready", 200)
        sign_in(http, "admin@example.com", "an admin of many words")
