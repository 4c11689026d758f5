"""The `rollbook` command: serve the API, and the commands of the features."""

import json
import logging
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from rollbook.kit.errors import AppError
from rollbook.migrations.commands import build_migrate_command
from rollbook.retention.commands import build_purge_command
from rollbook.settings import SettingsError, StartError
from rollbook.settings_loader import load_settings
from rollbook.signing.commands import build_keys_group
from rollbook.storage.driver_errors import DatabaseError
from rollbook.users.commands import build_sessions_group, build_users_group

if TYPE_CHECKING:
    from rollbook.migrations.service import MigrationService
    from rollbook.services import Services


def main() -> None:
    """Run a command. An error ends it with its message, without a traceback."""
    try:
        commands()
    except StartError as error:
        raise SystemExit(str(error)) from None
    except AppError as error:
        details = [detail for detail in error.details if detail.message != error.message]
        lines = [f"  {detail.field}: {detail.message}" for detail in details]
        raise SystemExit("\n".join([error.message, *lines])) from None
    except DatabaseError as error:
        raise SystemExit(f"MongoDB refused: {error}") from None


@click.group()
def commands() -> None:
    """Run rollbook, a self-hosted user-management REST API on MongoDB."""


@commands.command()
def serve() -> None:
    """Serve the API on the MongoDB at MONGODB_URI."""
    from rollbook import server

    settings = load_settings()
    if settings.mongodb_uri is None:
        raise SettingsError("MONGODB_URI: set it, or use `make run`, which starts a MongoDB.")
    server.serve(settings)


@commands.command()
def openapi() -> None:
    """Print the OpenAPI document of the API under the current settings."""
    from rollbook.app import create_app
    from rollbook.openapi.specification import build_specification
    from rollbook.services import build_database, build_services

    unsaved = SecretStr(secrets.token_hex())
    update = {"secret_key": unsaved, "jwt_secret_key": unsaved}
    settings = load_settings().model_copy(update=update)
    app = create_app(settings, build_services(settings), build_database(settings))
    document = build_specification(app, settings.length_limits)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@commands.command()
def check() -> None:
    """Ask the server on PORT whether it is alive, for a container's health check."""
    url = f"http://127.0.0.1:{load_settings().port}/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            click.echo(response.status)
    except OSError as error:
        raise SystemExit(f"{url}: {error}") from None


@commands.command("compose-secrets")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def create_compose_secrets(folder: Path) -> None:
    """Create in FOLDER the secrets that the containers of docker-compose.yml share.

    Existing ones stay as they are.
    """
    from rollbook.compose_secrets import create_secrets

    try:
        for path in create_secrets(folder):
            click.echo(f"created {path}")
    except OSError as error:
        raise SystemExit(f"{error.filename}: {error.strerror}") from None


@contextmanager
def _open_services() -> "Iterator[Services]":
    """Open the services on MONGODB_URI, or on the private MongoDB. No secret is generated."""
    from rollbook.embedded.database import open_database
    from rollbook.secret_files import load_secrets
    from rollbook.services import open_services

    logging.disable(logging.WARNING)  # The command itself reports what goes wrong.
    with open_database(load_settings()) as found, open_services(load_secrets(found)) as services:
        yield services


@contextmanager
def _open_services_with_secret() -> "Iterator[Services]":
    """Open the services with the SECRET_KEY of the API.

    The key ring cannot be decrypted without it. Raises: SettingsError, when it is missing.
    """
    from rollbook.secret_files import has_secret_key

    if not has_secret_key(load_settings()):
        raise SettingsError("SECRET_KEY: not set, and DATA_DIR has none. Set the one of the API.")
    with _open_services() as services:
        yield services


@contextmanager
def _open_migrations() -> "Iterator[MigrationService]":
    from rollbook.embedded.database import open_database
    from rollbook.services import open_migrations

    logging.disable(logging.WARNING)
    with open_database(load_settings()) as settings, open_migrations(settings) as migrations:
        yield migrations


commands.add_command(build_users_group(_open_services))
commands.add_command(build_sessions_group(_open_services))
commands.add_command(build_keys_group(_open_services_with_secret))
commands.add_command(build_purge_command(_open_services))
commands.add_command(build_migrate_command(_open_migrations))
