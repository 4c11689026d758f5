"""One running server for each test file, with the settings of the file's `environment`.

By default it has two processes of eight threads.
"""

import shutil

import httpx
import pytest
from pymongo import MongoClient

from tests.harness.serving import ROOT, serving


@pytest.fixture(scope="module")
def environment(mongod):
    return {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "serving", "WORKERS": 2, "THREADS": 8}


@pytest.fixture(scope="module")
def server(environment, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server"), **environment) as running:
        running.await_status("/ready", 200)
        yield running


@pytest.fixture(scope="module")
def users(mongod, server):
    with MongoClient(mongod.uri) as client:
        yield client.serving.users


@pytest.fixture(scope="module")
def http(server):
    limits = httpx.Limits(max_connections=220)
    with httpx.Client(base_url=server.url, timeout=30, limits=limits) as client:
        yield client


@pytest.fixture
def clone(tmp_path_factory):
    """A clone of the repository, without an installation."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("run.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder
