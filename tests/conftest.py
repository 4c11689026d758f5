"""A real MongoDB for every worker, and the API on top of it."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from flask import Flask
from pymongo.database import Database as MongoDatabase

from rollbook.app import DOCUMENTS, create_app
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.kit.database import Database
from rollbook.settings import Settings
from tests.harness.lawful import LawfulClient

hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):  # A new failure belongs to whoever looks for one, not to whoever submits something else.
    hypothesis.settings.load_profile("ci")

PASSWORD = "plenty of long words"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMongod]:
    named = os.environ.get("MONGOD_BIN")
    with PrivateMongod(
        find_mongod(named and type(tmp_path_factory.getbasetemp())(named)), tmp_path_factory.mktemp("mongod")
    ) as running:
        yield running


@pytest.fixture(scope="session")
def database(mongod: PrivateMongod) -> Iterator[Database]:
    database = Database(mongod.uri, "test", DOCUMENTS)
    database.connect()
    database.prepare()
    yield database
    database.close()


@pytest.fixture
def stored(database: Database) -> MongoDatabase[Any]:
    """What MongoDB holds: empty at the start of each test."""
    for document in DOCUMENTS:
        document._get_collection().delete_many({})
    return DOCUMENTS[0]._get_collection().database


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None, bcrypt_rounds=4)


@pytest.fixture
def make_app(database: Database, settings: Settings, stored: Any) -> Callable[..., Flask]:
    """Call it with settings that differ."""

    def make(**changes: Any) -> Flask:
        app = create_app(settings.model_copy(update=changes), database)
        app.test_client_class = LawfulClient
        return app

    return make


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> Any:
    return make_app().test_client()


@pytest.fixture
def ada(client: Any) -> dict[str, Any]:
    user: dict[str, Any] = client.post("/api/users", json=ADA).json["data"]
    return user
