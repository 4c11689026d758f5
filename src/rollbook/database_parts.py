"""The database of rollbook with its documents and migrations, built from the settings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rollbook.backup.service import BackupService
from rollbook.features import FEATURES
from rollbook.kit import clock
from rollbook.kit.errors import NotReady
from rollbook.metadata.filters import build_indexes
from rollbook.migrations.service import MigrationService
from rollbook.passwords.hash_gate import LINE_LENGTH
from rollbook.service_parts import load_metadata_schemas, reveal
from rollbook.settings import Settings, StartError
from rollbook.storage.database import Database
from rollbook.storage.driver_errors import translate_driver_errors
from rollbook.users.documents import User

DOCUMENTS = tuple(document for feature in FEATURES for document in feature.documents)
BACKGROUND_CONNECTIONS = 4
"""Connections to MongoDB beside those of the threads: to follow changes, to sweep, to prepare."""


def build_database(
    settings: Settings, *preparations: Callable[[], None], serves: bool = False
) -> Database:
    """Build the database, without connecting to it. It needs MONGODB_URI.

    `serves`: for the API, and not for a command.
    """
    return Database(
        reveal(settings.mongodb_uri),
        settings.mongodb_dbname,
        build_migrations(settings),
        allow_standalone=settings.allow_standalone,
        max_connections=settings.threads + LINE_LENGTH + BACKGROUND_CONNECTIONS,
        preparations=preparations,
        app_name=_get_server_name(settings) if serves else "rollbook",
    )


def build_migrations(settings: Settings) -> MigrationService:
    at_start = settings.environment == "development"
    extra = {User: build_indexes(load_metadata_schemas(settings))}
    return MigrationService(clock.now, DOCUMENTS, at_start=at_start, extra_indexes=extra)


@contextmanager
def open_migrations(settings: Settings) -> Iterator[MigrationService]:
    """Connect to the database in any state, for a command. Raises: StartError."""
    database = build_database(settings)
    with close_at_end(database):
        database.connect_to_primary()
        with translate_driver_errors():
            yield build_migrations(settings)


@contextmanager
def open_backups(settings: Settings) -> Iterator[BackupService]:
    """Connect to the database in any state, for a command. Raises: StartError."""
    with open_migrations(settings) as migrations:
        yield BackupService(clock.now, DOCUMENTS, migrations, _get_server_name(settings))


def _get_server_name(settings: Settings) -> str:
    """Return the name by which MongoDB knows the API on this database."""
    return f"rollbook serve {settings.mongodb_dbname}"


@contextmanager
def close_at_end(database: Database) -> Iterator[None]:
    """Close the database at the end. Raises: StartError."""
    try:
        yield
    except NotReady as error:
        raise StartError("\n".join(detail.message for detail in error.details)) from None
    finally:
        database.close()
