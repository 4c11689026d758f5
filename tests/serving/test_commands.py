"""The command line changes a real database, while the API runs on it."""

import pytest
from pymongo import MongoClient

from tests.conftest import PASSWORD
from tests.harness.serving import ROOT, serving
from tests.serving.guarded import GUARDED, client, register, run_command, sign_in


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "commands", "BCRYPT_ROUNDS": 4}


@pytest.fixture
def rollbook(environment, tmp_path):
    def run(*arguments, stdin=""):
        return run_command(tmp_path, *arguments, stdin=stdin, **environment)

    return run


def test_create_admin_reads_password_from_standard_input(rollbook, http):
    arguments = ("users", "create-admin", "second@house.org", "--name", "Second")
    result = rollbook(*arguments, stdin="a second row of words\n")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("second@house.org is an admin now")
    admin = sign_in(http, "second@house.org", "a second row of words")
    assert http.get("/api/auth/me", headers=admin.headers).json()["data"]["role"] == "admin"
    again = rollbook("users", "create-admin", "SECOND@house.org", stdin="a second row of words\n")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.splitlines() == ["Another user has this e-mail address."]


def test_users_list_prints_role_state_and_email(rollbook, http):
    register(http, "listed")
    lines = rollbook("users", "list").stdout.splitlines()
    assert [line.split("\t")[1:] for line in lines if "listed@" in line] == [
        ["user", "active", "listed@house.org"]
    ]


def test_changes_by_commands_reach_running_api_at_once(rollbook, http):
    user = register(http, "changed")
    assert rollbook("users", "set-role", "changed@house.org", "moderator").returncode == 0
    assert http.get("/api/users", headers=user.headers).status_code == 200
    revoked = rollbook("sessions", "revoke", user.id)
    assert revoked.stdout == f"{user.id} is signed out everywhere.\n"
    assert http.get("/api/users", headers=user.headers).status_code == 401
    changed = rollbook("users", "set-password", user.email, stdin="some other row of words\n")
    assert changed.returncode == 0
    again = sign_in(http, user.email, "some other row of words")
    assert rollbook("users", "disable", user.email).returncode == 0
    assert http.get("/api/users", headers=again.headers).status_code == 401
    assert rollbook("users", "enable", user.email).returncode == 0
    sign_in(http, user.email, "some other row of words")


NO_USER = "There is no such user."
NO_ROLE = "There is no such role. GET /roles lists them."
SIGN_IN_FIRST = "Sign in first: `me` is the user who calls."
INVALID = "The request is not valid. `details` says what to fix."
WEAK = "The password does not meet the policy."
NO_PASSWORD = "Error: There is no password on standard input."


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("users", "set-role", "nobody@house.org", "user"), "", NO_USER),
        (("users", "set-role", "not a ref", "user"), "", NO_USER),
        (("users", "set-role", "me", "user"), "", SIGN_IN_FIRST),
        (("users", "set-role", "root@house.org", "nothing"), "", NO_ROLE),
        (("users", "set-role", "root@house.org", "No Name"), "", INVALID),
        (("users", "create-admin", "no address"), PASSWORD, INVALID),
        (("users", "create-admin", "new@house.org"), "password1", WEAK),
        (("users", "create-admin", "new@house.org"), "", NO_PASSWORD),
    ],
)
def test_failed_command_prints_message_without_traceback(rollbook, http, arguments, stdin, message):
    result = rollbook(*arguments, stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[0] == message
    assert "Traceback" not in result.stderr
    assert not stdin or stdin not in result.stderr


def test_audit_log_has_changes_by_commands(rollbook, http, mongod):
    user = register(http, "recorded")
    rollbook("users", "set-role", user.email, "moderator")
    with MongoClient(mongod.uri) as mongo:
        entry = mongo.commands.audit.find_one({"target_id": user.id, "action": "user.updated"})
    assert (entry["actor_type"], entry["changes"]) == (
        "cli",
        {"role": {"before": "user", "after": "moderator"}},
    )


def test_unreachable_mongodb_ends_command_with_one_line(tmp_path):
    uri = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"
    result = run_command(tmp_path, "users", "list", MONGODB_URI=uri)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "MongoDB does not answer. Check that it runs, and that MONGODB_URI is right."
    ]


def test_commands_use_private_mongodb_running_or_not(tmp_path):
    with serving(tmp_path, str(ROOT / "run.py"), AUTH_REQUIRED="true") as running:
        running.await_status("/ready", 200)
        assert "admin@example.com" in run_command(tmp_path, "users", "list").stdout
    arguments = ("users", "set-password", "admin@example.com")
    result = run_command(tmp_path, *arguments, stdin="an admin of many words\n")
    assert result.returncode == 0, result.stderr
    with (
        serving(tmp_path, str(ROOT / "run.py"), AUTH_REQUIRED="true") as running,
        client(running) as http,
    ):
        running.await_status("/ready", 200)
        sign_in(http, "admin@example.com", "an admin of many words")
