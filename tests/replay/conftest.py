"""Replay the calls of earlier services over HTTP, under /api and in the envelope of rollbook."""

import pytest
from pymongo import MongoClient

from tests.harness.serving import serving
from tests.serving.guarded import client


@pytest.fixture(scope="module")
def running_server(mongod, tmp_path_factory, request):
    """A running API on an empty database, with the SETTINGS of the test file."""
    name = request.module.__name__.rpartition(".")[2]
    folder = tmp_path_factory.mktemp(name)
    with MongoClient(mongod.uri) as mongo:
        mongo.drop_database(name)
    settings = {
        "WORKERS": 1,
        "THREADS": 8,
        "MONGODB_URI": mongod.uri,
        "MONGODB_DBNAME": name,
    } | request.module.SETTINGS
    with serving(folder, **settings) as server:
        server.await_status("/ready", 200)
        yield server


@pytest.fixture(scope="module")
def http(running_server):
    with client(running_server) as http:
        yield http


@pytest.fixture
def check():
    """Checks the status and the envelope of a response, and returns its data."""

    def check(response, status):
        assert response.status_code == status, response.text
        if status == 204:
            assert response.content == b""
            return None
        assert response.json()["status_code"] == status
        assert response.json()["message"]
        assert "password" not in str(response.json()["data"])
        return response.json()["data"]

    return check
