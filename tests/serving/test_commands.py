"""The command line changes a real database, while the API runs on it."""

import json
from urllib.parse import urlsplit

import pytest
from pymongo import MongoClient

from rollbook.command_opener import NO_DATABASE
from tests.conftest import PASSWORD
from tests.harness.serving import ROOT, serving
from tests.serving.guarded import GUARDED, client, register, run_command, sign_in


@pytest.fixture(scope="module")
def environment(mongod):
    return GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "commands", "BCRYPT_ROUNDS": 4}


@pytest.fixture
def database(mongod):
    """What each command says first, on standard error."""
    port = urlsplit(mongod.uri).port
    return f"Database: commands at 127.0.0.1:{port}"


@pytest.fixture
def rollbook(environment, tmp_path):
    def run(*arguments, stdin=""):
        return run_command(tmp_path, *arguments, stdin=stdin, **environment)

    return run


def test_create_admin_reads_password_from_standard_input(rollbook, http, database):
    arguments = ("users", "create-admin", "second@house.org", "--name", "Second")
    result = rollbook(*arguments, stdin="a second row of words\n")
    assert (result.returncode, result.stderr) == (0, f"{database}\n")
    assert result.stdout.startswith("second@house.org is an admin now")
    admin = sign_in(http, "second@house.org", "a second row of words")
    assert http.get("/api/auth/me", headers=admin.headers).json()["data"]["role"] == "admin"
    again = rollbook("users", "create-admin", "SECOND@house.org", stdin="a second row of words\n")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.splitlines() == [database, "Another user has this e-mail address."]


@pytest.mark.long
def test_users_are_created_shown_changed_deleted_and_restored(rollbook, http):
    options = ("--name", "Grace Hopper", "--username", "grace", "--json")
    created = rollbook("users", "create", "grace@house.org", *options, stdin=f"{PASSWORD}\n")
    user = json.loads(created.stdout)
    assert (user["username"], user["role"], user["version"]) == ("grace", "user", 1)
    assert "password" not in created.stdout
    update = ("users", "update", "grace", "--phone", "+44 20 7946 0958", "--username", "")
    metadata = ("--app-metadata", '{"plan": "pro"}', "--private-metadata", '{"risk": 1}')
    assert rollbook(*update, *metadata).returncode == 0
    assert rollbook("users", "update", user["id"], "--metadata", "{").returncode == 2
    shown = rollbook("users", "show", user["id"]).stdout.splitlines()
    values = dict(line.split(maxsplit=1) for line in shown)
    assert (values["phone"], values["username"]) == ("+442079460958", "-")
    assert (values["app_metadata"], values["private_metadata"]) == ('{"plan":"pro"}', '{"risk":1}')
    listed = json.loads(rollbook("users", "list", "--q", "grace", "--active", "--json").stdout)
    admin = sign_in(http)
    (from_api,) = http.get("/api/users?q=grace", headers=admin.headers).json()["data"]
    assert listed == [from_api | {"deleted_at": None}]
    assert rollbook("users", "delete", user["id"]).returncode == 0
    assert json.loads(rollbook("users", "list", "--q", "grace", "--json").stdout) == []
    restored = json.loads(rollbook("users", "restore", user["id"], "--json").stdout)
    assert (restored["id"], restored["version"]) == (user["id"], 4)
    refused = rollbook("users", "delete", user["id"], "--purge")
    assert refused.returncode == 1
    assert rollbook("users", "delete", user["id"], "--purge", "--yes").returncode == 0
    assert rollbook("users", "show", user["id"]).returncode == 1


def test_update_without_a_field_is_a_usage_error(rollbook, http):
    result = rollbook("users", "update", "root@house.org")
    assert result.returncode == 2
    assert "Give at least one field to change." in result.stderr


@pytest.mark.long
def test_roles_are_created_changed_and_deleted(rollbook, http):
    create = ("roles", "create", "helpdesk", "--permission", "users:read")
    assert rollbook(*create, "--permission", "users:list").returncode == 0
    update = ("roles", "update", "helpdesk", "--permission", "users:read", "--json")
    assert json.loads(rollbook(*update).stdout)["permissions"] == ["users:read"]
    cleared = rollbook("roles", "update", "helpdesk", "--permission", "", "--json")
    assert json.loads(cleared.stdout)["permissions"] == []
    assert "helpdesk" in rollbook("roles", "list").stdout
    assert "name         helpdesk" in rollbook("roles", "show", "helpdesk").stdout
    assert rollbook("roles", "delete", "helpdesk").returncode == 0
    unknown = rollbook("roles", "create", "helpdesk", "--permission", "users:fly")
    assert unknown.returncode == 1
    assert "permissions.0: One of" in unknown.stderr


@pytest.mark.long
def test_audit_and_sessions_are_listed(rollbook, http):
    user = register(http, "audited")
    entries = json.loads(rollbook("audit", "list", "--user", user.id, "--json").stdout)
    actions = [entry["action"] for entry in entries if entry["action"] != "auth.link_issued"]
    assert actions == ["auth.login_succeeded", "user.created"]
    lines = rollbook("audit", "list", "--user", user.id, "--limit", "1").stdout.splitlines()
    assert [line.split()[0] for line in lines[:1]] == ["AT"]
    assert len(lines) == 2
    (session,) = json.loads(rollbook("sessions", "list", user.email, "--json").stdout)
    assert session["ip"] == "127.0.0.1"
    assert session["id"] in rollbook("sessions", "list", user.email).stdout


def test_users_list_prints_role_state_and_email(rollbook, http):
    register(http, "listed")
    header, *lines = rollbook("users", "list").stdout.splitlines()
    assert header.split() == ["ID", "ROLE", "STATE", "E-MAIL", "NAME"]
    assert [line.split()[1:] for line in lines if "listed@" in line] == [
        ["user", "active", "listed@house.org", "listed"]
    ]


@pytest.mark.long
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
def test_failed_command_prints_message_without_traceback(
    rollbook, http, database, arguments, stdin, message
):
    result = rollbook(*arguments, stdin=stdin)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr.splitlines()
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


@pytest.mark.long
def test_unreachable_mongodb_ends_command_with_one_line(tmp_path):
    uri = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"
    result = run_command(tmp_path, "users", "list", MONGODB_URI=uri)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "Database: rollbook at 127.0.0.1:9",
        "MongoDB does not answer. Check that it runs, and that MONGODB_URI is right.",
    ]


@pytest.mark.long
def test_commands_use_the_given_private_mongodb(tmp_path):
    folder, elsewhere = tmp_path / "rollbook", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    given = ("--data-dir", str(folder / ".data"))
    with serving(folder, str(ROOT / "run.py"), AUTH_REQUIRED="true") as running:
        running.await_status("/ready", 200)
        listed = run_command(elsewhere, *given, "users", "list")
        assert "admin@example.com" in listed.stdout
        assert listed.stderr == f"Database: the private MongoDB in {folder / '.data'}\n"
    arguments = (*given, "users", "set-password", "admin@example.com")
    result = run_command(elsewhere, *arguments, stdin="an admin of many words\n")
    assert result.returncode == 0, result.stderr
    with (
        serving(folder, str(ROOT / "run.py"), AUTH_REQUIRED="true") as running,
        client(running) as http,
    ):
        running.await_status("/ready", 200)
        sign_in(http, "admin@example.com", "an admin of many words")
        assert "users set-password EMAIL" in running.log.read_text()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.long
def test_commands_use_the_data_of_the_clone_they_belong_to(clone, tmp_path):
    with serving(clone, str(clone / "run.py")) as running:
        running.await_status("/ready", 200)
        listed = run_command(tmp_path, "users", "list", PYTHONPATH=clone / "src")
        assert listed.stderr == f"Database: the private MongoDB in {clone / '.data'}\n"


@pytest.mark.parametrize("given", [(), ("--data-dir", "mistyped")])
def test_command_without_a_database_creates_none(tmp_path, clone, given):
    arguments = (*given, "users", "create-admin", "ada@house.org")
    source = {"PYTHONPATH": clone / "src"}
    result = run_command(tmp_path, *arguments, stdin=f"{PASSWORD}\n", **source)
    folder = tmp_path / "mistyped" if given else clone / ".data"
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [NO_DATABASE.format(folder)]
    assert not folder.exists()
