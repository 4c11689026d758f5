"""Which database a command works on: the configured one, or a private one that exists."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from rollbook.settings import Settings, SettingsError
from rollbook.settings_loader import load_settings

if TYPE_CHECKING:
    from rollbook.backup.service import BackupService
    from rollbook.migrations.service import MigrationService
    from rollbook.services import Services

CLONE = Path(__file__).parents[2]
"""The clone that rollbook is installed from. In other installations it has no `run.py`."""
NO_DATABASE = (
    "MONGODB_URI: not set, and there is no private MongoDB in {}. Set MONGODB_URI, or give the "
    "DATA_DIR of the API with --data-dir."
)
NO_SECRET_KEY = "SECRET_KEY: not set, and DATA_DIR has none. Set the one of the API."


@dataclass(frozen=True)
class CommandOpener:
    """See `rollbook.terminal.opener.Opener`. `data_dir` is the option --data-dir."""

    data_dir: Path | None

    @contextmanager
    def open_services(self, *, needs_secret: bool = False) -> "Iterator[Services]":
        """Open the services. No secret is generated."""
        from rollbook.secret_files import has_secret_key, load_secrets
        from rollbook.services import open_services

        settings = self.load_settings()
        if needs_secret and not has_secret_key(settings):
            raise SettingsError(NO_SECRET_KEY)
        with open_database(settings) as found, open_services(load_secrets(found)) as services:
            yield services

    @contextmanager
    def open_services_with_secret(self) -> "Iterator[Services]":
        """Open the services. The key ring cannot be decrypted without the SECRET_KEY of the API."""
        with self.open_services(needs_secret=True) as services:
            yield services

    @contextmanager
    def open_migrations(self) -> "Iterator[MigrationService]":
        from rollbook.database_parts import open_migrations

        with open_database(self.load_settings()) as found, open_migrations(found) as migrations:
            yield migrations

    @contextmanager
    def open_backups(self) -> "Iterator[BackupService]":
        from rollbook.database_parts import open_backups

        with open_database(self.load_settings()) as found, open_backups(found) as backups:
            yield backups

    def load_settings(self) -> Settings:
        """Load the settings, with the DATA_DIR of the API. Raises: SettingsError."""
        settings = load_settings()
        if self.data_dir is not None:
            return settings.model_copy(update={"data_dir": self.data_dir})
        if "data_dir" in settings.model_fields_set or not (CLONE / "run.py").is_file():
            return settings
        return settings.model_copy(update={"data_dir": CLONE / settings.data_dir})


@contextmanager
def open_database(settings: Settings) -> Iterator[Settings]:
    """Open the database of MONGODB_URI, or the private one in DATA_DIR, running or not.

    Raises: SettingsError, without either: a command never creates a database.
    """
    from rollbook.embedded.data_folder import DataFolder, find_running_uri
    from rollbook.embedded.database import start_private_database

    logging.disable(logging.WARNING)  # The command itself reports what goes wrong.
    if settings.mongodb_uri is not None:
        hosts = _get_hosts(settings.mongodb_uri.get_secret_value())
        click.echo(f"Database: {settings.mongodb_dbname} at {hosts}", err=True)
        yield settings
        return
    folder = settings.data_dir.resolve()
    if not DataFolder(folder).database.is_dir():
        raise SettingsError(NO_DATABASE.format(folder))
    click.echo(f"Database: the private MongoDB in {folder}", err=True)
    if uri := find_running_uri(folder):
        yield settings.model_copy(update={"mongodb_uri": SecretStr(uri)})
        return
    with start_private_database(settings) as (configured, _):
        yield configured


def _get_hosts(uri: str) -> str:
    """Return the hosts of a valid URI, without the user and the password."""
    return uri.partition("://")[2].partition("/")[0].rpartition("@")[2]
