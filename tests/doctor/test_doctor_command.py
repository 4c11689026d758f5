"""`rollbook doctor` on installations that work, and on broken ones."""

import json

import pytest
from pymongo import MongoClient

from tests.harness.serving import get_free_port
from tests.harness.smtp import smtp_server
from tests.serving.guarded import GUARDED, run_command

SECRET = "3b9e1f7c5a2d48607c1e94d0b6fa2853"


@pytest.fixture(scope="module")
def database(mongod, tmp_path_factory):
    """A migrated database with an admin and signing keys."""
    settings = GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "doctor"}
    folder = tmp_path_factory.mktemp("doctor")
    assert run_command(folder, "migrate", **settings).returncode == 0
    assert run_command(folder, "keys", "rotate", **settings).returncode == 0
    options = {"stdin": "plenty of long words\nplenty of long words\n"}
    created = run_command(folder, "users", "create-admin", "a@house.org", **options, **settings)
    assert created.returncode == 0, created.stderr
    return settings


def run_doctor(tmp_path, *options, **settings):
    """The exit status, and the findings by their check."""
    result = run_command(tmp_path, "doctor", *options, **settings)
    assert "Traceback" not in result.stderr
    assert SECRET not in result.stdout + result.stderr
    found = {}
    for line in result.stdout.splitlines():
        level, check, text = line[:5].strip(), line[6:20].strip(), line[21:]
        found.setdefault(check, []).append((level, text))
    return result.returncode, found


def test_installation_that_works_has_no_failure(database, tmp_path):
    status, found = run_doctor(tmp_path, **database)
    assert status == 0
    for check in ("access", "clock", "disk", "schema", "secrets", "signing keys", "admins"):
        assert found[check][0][0] == "ok", found[check]
    assert found["write concern"][0][0] in ("ok", "warn")


def test_doctor_leaves_no_trace(database, mongod, tmp_path):
    with MongoClient(mongod.uri) as mongo:
        before = set(mongo["doctor"].list_collection_names())
        run_doctor(tmp_path, **database)
        assert set(mongo["doctor"].list_collection_names()) == before
    assert list(tmp_path.iterdir()) == []


def test_json_has_all_findings(database, tmp_path):
    result = run_command(tmp_path, "doctor", "--json", **database)
    findings = json.loads(result.stdout)
    assert {"check", "level", "message", "cure"} == findings[0].keys()
    assert "schema" in {finding["check"] for finding in findings}


def test_wrong_setting_is_a_failure_that_names_it(tmp_path):
    status, found = run_doctor(tmp_path, WORKERS="many", PORT="0")
    assert status == 1
    assert [text.partition(":")[0] for _, text in found["settings"]] == ["PORT", "WORKERS"]


@pytest.mark.long
def test_mongodb_that_is_away_is_a_failure(tmp_path):
    uri = f"mongodb://someone:{SECRET}@127.0.0.1:{get_free_port()}/?replicaSet=rs0"
    status, found = run_doctor(tmp_path, MONGODB_URI=uri)
    assert status == 1
    assert "does not answer" in found["mongodb"][0][1]


@pytest.mark.parametrize("roles", [[], ["read"], ["readWrite"]])
def test_missing_rights_are_a_failure(database, mongod, tmp_path, roles):
    name = f"limited{len(roles)}{''.join(roles)}"
    with MongoClient(mongod.uri) as mongo:
        granted = [{"role": role, "db": "doctor"} for role in roles]
        mongo.doctor.command("createUser", name, pwd=SECRET, roles=granted)
    address = mongod.uri.partition("@")[2].partition("/")[0]
    uri = f"mongodb://{name}:{SECRET}@{address}/?replicaSet=rollbook&authSource=doctor"
    status, found = run_doctor(tmp_path, **database | {"MONGODB_URI": uri})
    assert (status, found["rights"][0][0]) == (1, "fail")
    assert "collMod" in found["rights"][0][1]


def test_mongodb_without_credentials_is_a_failure(database, mongod, tmp_path):
    address = mongod.uri.partition("@")[2].partition("/")[0]
    uri = f"mongodb://{address}/?replicaSet=rollbook"
    status, found = run_doctor(tmp_path, **database | {"MONGODB_URI": uri})
    assert status == 1
    assert "Unauthorized. docs/running.md lists the roles." in found["mongodb"][-1][1]


def test_lost_secret_is_a_failure(database, tmp_path):
    settings = database | {"DATA_DIR": tmp_path / "data"}
    status, found = run_doctor(tmp_path, **settings | {"SECRET_KEY": ""})
    assert status == 1
    assert found["signing keys"][0][0] == "fail"


def test_pending_migration_is_a_failure(mongod, tmp_path):
    status, found = run_doctor(tmp_path, MONGODB_URI=mongod.uri, MONGODB_DBNAME="untouched")
    assert status == 1
    level, text = found["schema"][0]
    assert (level, text.endswith("Run `rollbook migrate`.")) == ("fail", True)


@pytest.mark.long
def test_missing_index_is_a_failure(database, mongod, tmp_path):
    with MongoClient(mongod.uri) as mongo:
        indexes = mongo["doctor"].users.index_information()
        name = next(name for name in indexes if "email" in name)
        mongo["doctor"].users.drop_index(name)
    status, found = run_doctor(tmp_path, **database)
    assert (status, found["schema"][0][0]) == (1, "fail")
    assert run_command(tmp_path, "migrate", **database).returncode == 0
    assert run_doctor(tmp_path, **database)[0] == 0


def test_other_secret_key_is_a_failure(database, tmp_path):
    status, found = run_doctor(tmp_path, **database | {"SECRET_KEY": SECRET})
    assert (status, found["signing keys"][0][0]) == (1, "fail")
    assert "SECRET_KEY" in found["signing keys"][0][1]


def test_redis_that_is_away_is_a_failure(database, tmp_path):
    url = f"redis://:{SECRET}@127.0.0.1:{get_free_port()}/0"
    broken = database | {"RATELIMIT_ENABLED": "true", "REDIS_URL": url}
    status, found = run_doctor(tmp_path, **broken)
    assert (status, found["limiter store"][0][0]) == (1, "fail")


def test_mail_server_is_tried(database, tmp_path):
    with smtp_server() as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}"
        status, found = run_doctor(tmp_path, **database, MAIL_URL=url)
        assert (status, found["mail"]) == (0, [("ok", "Messages can be sent.")])
        assert mailbox.envelopes == []
    status, found = run_doctor(tmp_path, **database, MAIL_URL=url)
    assert (status, found["mail"][0][0]) == (1, "fail")
    assert "Connection refused" in found["mail"][0][1]
