"""Fixtures: a real MongoDB for each test process, and the API on top of it."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from flask import Flask
from pymongo.database import Database as MongoDatabase

from rollbook.app import create_app
from rollbook.audit.documents import AuditEntry
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.services import DOCUMENTS, Services, build_database, build_services
from rollbook.settings import Settings
from rollbook.storage.database import Database
from tests.harness.contract import ContractClient

hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    # CI repeats the same examples, so an unrelated change cannot fail on a new one.
    hypothesis.settings.load_profile("ci")

SECRET_KEY = "0f8c3b5e7d9a1c2e4f6081a3b5c7d9ef"
PASSWORD = "plenty of long words"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMongod]:
    named = os.environ.get("MONGOD_BIN")
    with PrivateMongod(
        find_mongod(named and type(tmp_path_factory.getbasetemp())(named)),
        tmp_path_factory.mktemp("mongod"),
    ) as running:
        yield running


@pytest.fixture(scope="session")
def settings(mongod: PrivateMongod) -> Settings:
    """No authentication and no limits, so that a test needs neither unless it is about them."""
    return Settings(
        _env_file=None,
        bcrypt_rounds=4,
        workers=1,
        mongodb_uri=mongod.uri,
        mongodb_dbname="test",
        secret_key=SECRET_KEY,
        auth_required=False,
        ratelimit_enabled=False,
    )


@pytest.fixture(scope="session")
def services(settings: Settings) -> Services:
    return build_services(settings)


@pytest.fixture(scope="session")
def database(settings: Settings, services: Services) -> Iterator[Database]:
    database = build_database(settings, services.prepare)
    database.prepare()
    yield database
    database.close()


@pytest.fixture(scope="session")
def basics(database: Database) -> dict[type[Any], list[Any]]:
    """The documents that exist after a start: built-in roles, tallies, signing keys."""
    first = {document: list(document._get_collection().find()) for document in DOCUMENTS}
    return first | {AuditEntry: []}


@pytest.fixture
def stored(basics: dict[type[Any], list[Any]]) -> MongoDatabase[Any]:
    """The test database. At the start of each test it holds only `basics`."""
    for document, first in basics.items():
        document._get_collection().delete_many({})
        if first:
            document._get_collection().insert_many(first)
    return DOCUMENTS[0]._get_collection().database


@pytest.fixture
def make_app(database: Database, settings: Settings, stored: Any) -> Callable[..., Flask]:
    """Builds an app. The keyword arguments override `settings`."""

    def make(**changes: Any) -> Flask:
        changed = Settings.model_validate(settings.model_dump() | changes)
        app = create_app(changed, build_services(changed), database)
        app.test_client_class = ContractClient
        return app

    return make


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> Any:
    return make_app().test_client()


@pytest.fixture
def ada(client: Any) -> dict[str, Any]:
    user: dict[str, Any] = client.post("/api/users", json=ADA).json["data"]
    return user


@pytest.fixture
def guarded(make_app: Callable[..., Flask]) -> Any:
    """A client of an API that requires authentication."""
    return make_app(auth_required=True).test_client()
