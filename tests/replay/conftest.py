"""Earlier services, replayed over HTTP: the same calls, under /api, answered in our envelope."""

import pytest
from pymongo import MongoClient

from tests.harness.serving import serving
from tests.serving.guarded import client


@pytest.fixture(scope="module")
def served(mongod, tmp_path_factory, request):
    """A running API on an empty database, with the settings that the file names in SETTINGS."""
    name = request.module.__name__.rpartition(".")[2]
    folder = tmp_path_factory.mktemp(name)
    with MongoClient(mongod.uri) as mongo:
        mongo.drop_database(name)
    settings = {"WORKERS": 1, "THREADS": 8, "MONGODB_URI": mongod.uri, "MONGODB_DBNAME": name} | request.module.SETTINGS
    with serving(folder, **settings) as running:
        running.await_status("/ready", 200)
        yield running


@pytest.fixture(scope="module")
def http(served):
    with client(served) as http:
        yield http


@pytest.fixture
def ok():
    """Checks an answer's status and envelope, and gives its data."""

    def ok(answer, status):
        assert answer.status_code == status, answer.text
        if status == 204:
            assert answer.content == b""
            return None
        assert answer.json()["status_code"] == status
        assert answer.json()["message"]
        assert "password" not in str(answer.json()["data"])
        return answer.json()["data"]

    return ok
