"""Fixtures: a real MongoDB for each test process, and the API on top of it."""

import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from pymongo.database import Database as MongoDatabase

from rollbook import secret_strength
from rollbook.app import create_app
from rollbook.audit.documents import AuditEntry
from rollbook.database_parts import DOCUMENTS, build_database
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.services import Services, build_services
from rollbook.settings import Settings
from rollbook.storage.database import Database
from tests.harness.contract import ContractClient
from tests.harness.post import Post

hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    # CI repeats the same examples, so an unrelated change cannot fail on a new one.
    hypothesis.settings.load_profile("ci")

secret_strength.find_weakness = cache(secret_strength.find_weakness)
"""The estimate takes 13 ms, and every app that a test builds has the same secrets."""

SECRET_KEY = "0f8c3b5e7d9a1c2e4f6081a3b5c7d9ef"
PASSWORD = "plenty of long words"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD}


SLOW_FOLDERS = ("backup", "doctor", "serving", "recipes", "migrations", "posting", "replay")
"""Their tests start processes or fill databases."""
LONG_SECONDS = 600
"""For each test marked `long`: a slow machine needs several times as long as a fast one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("long") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))
        if item.path.parent.name in SLOW_FOLDERS or item.get_closest_marker("long"):
            item.add_marker(pytest.mark.slow)


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
        collection = document._get_collection()
        if list(collection.find()) == first:
            continue  # A read is faster than a write that waits for the disk.
        collection.delete_many({})
        if first:
            collection.insert_many(first)
    return DOCUMENTS[0]._get_collection().database


def build_app(database: Database, settings: Settings, **changes: Any) -> Flask:
    changed = Settings.model_validate(settings.model_dump() | changes)
    app = create_app(changed, build_services(changed), database)
    app.test_client_class = ContractClient
    return app


@pytest.fixture
def make_app(database: Database, settings: Settings, stored: Any) -> Callable[..., Flask]:
    """Builds an app. The keyword arguments override `settings`."""

    return partial(build_app, database, settings)


@pytest.fixture(scope="session")
def apps(database: Database, settings: Settings) -> dict[bool, Flask]:
    """The apps of `client` and `guarded`, by whether they require a sign-in."""
    return {guarded: build_app(database, settings, auth_required=guarded) for guarded in (0, 1)}


@pytest.fixture
def client(apps: dict[bool, Flask], stored: Any) -> Any:
    return apps[False].test_client()


@pytest.fixture
def ada(client: Any) -> dict[str, Any]:
    user: dict[str, Any] = client.post("/api/users", json=ADA).json["data"]
    return user


@pytest.fixture
def guarded(apps: dict[bool, Flask], stored: Any) -> Any:
    """A client of an API that requires authentication."""
    return apps[True].test_client()


@pytest.fixture
def post_settings(settings: Settings, tmp_path: Path) -> Settings:
    """With mail in a folder."""
    changes = {
        "mail_url": f"file://{tmp_path}/mail",
        "public_url": "https://users.house.org",
        "allowed_hosts": "localhost,127.0.0.1,evil.example,users.house.org",
    }
    return Settings.model_validate(settings.model_dump() | changes)


@pytest.fixture
def post(post_settings: Settings, tmp_path: Path, stored: Any) -> Post:
    return Post(tmp_path / "mail", build_services(post_settings))
