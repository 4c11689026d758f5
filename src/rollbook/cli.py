"""The `rollbook` command: serving, and each room's commands."""

import json
import logging
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import SecretStr

from rollbook.kit.errors import AppError
from rollbook.kit.transactions import DatabaseFault
from rollbook.migrations.commands import migrate_command
from rollbook.settings import Settings, SettingsError, StartError, load
from rollbook.signing.commands import keys_group
from rollbook.users.commands import purge_command, sessions_group, users_group

if TYPE_CHECKING:
    from rollbook.migrations.service import Migrations
    from rollbook.services import Services
    from rollbook.signing.service import KeyService
    from rollbook.users.retention import Retention
    from rollbook.users.service import UserService


def main() -> None:
    """Whatever keeps a command from doing its work ends in its lines, without a traceback."""
    try:
        commands()
    except StartError as error:
        raise SystemExit(str(error)) from None
    except AppError as error:
        told = [detail for detail in error.details if detail.message != error.message]
        details = [f"  {detail.field}: {detail.message}" for detail in told]
        raise SystemExit("\n".join([error.message, *details])) from None
    except DatabaseFault as error:
        raise SystemExit(f"MongoDB refused: {error}") from None


@click.group()
def commands() -> None:
    """A self-hosted user-management REST API on MongoDB."""


@commands.command()
def serve() -> None:
    """Serve the API on the MongoDB at MONGODB_URI."""
    from rollbook import server

    settings = load()
    if settings.mongodb_uri is None:
        raise SettingsError("MONGODB_URI: name a MongoDB, or use `make run`, which brings a private one.")
    server.serve(settings)


@commands.command()
def openapi() -> None:
    """Print the OpenAPI document of the API under the present settings."""
    from rollbook.app import create_app
    from rollbook.openapi.specification import specification
    from rollbook.services import database_of, services_of

    unsaved = SecretStr(secrets.token_hex())
    settings = load().model_copy(update={"secret_key": unsaved, "jwt_secret_key": unsaved})
    services = services_of(settings)
    app = create_app(settings, services, database_of(settings))
    click.echo(json.dumps(specification(app, settings.limits), indent=2, ensure_ascii=False))


@commands.command()
def check() -> None:
    """Ask the server on this machine's PORT whether it is alive; for a container's health check."""
    url = f"http://127.0.0.1:{load().port}/health"
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            click.echo(answer.status)
    except OSError as error:
        raise SystemExit(f"{url}: {error}") from None


@commands.command("compose-secrets")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def make_compose_secrets(folder: Path) -> None:
    """Make the passwords that the containers of docker-compose.yml share, in FOLDER, unless they are there."""
    from rollbook.compose_secrets import make

    try:
        for path in make(folder):
            click.echo(f"made {path}")
    except OSError as error:
        raise SystemExit(f"{error.filename}: {error.strerror}") from None


@contextmanager
def _opened() -> "Iterator[tuple[Services, Settings]]":
    """The services on the database that settings name, or on the private one; for a command, which makes no secret."""
    from rollbook.embedded.database import beside_what_runs
    from rollbook.secret_files import with_kept_secrets
    from rollbook.services import opened

    logging.disable(logging.WARNING)  # What goes wrong is what the command says.
    with beside_what_runs(load()) as found:
        settings = with_kept_secrets(found)
        with opened(settings) as services:
            yield services, settings


@contextmanager
def _accounts() -> "Iterator[tuple[UserService, Mapping[str, int]]]":
    with _opened() as (services, settings):
        yield services.users, settings.limits


@contextmanager
def _signing() -> "Iterator[KeyService | None]":
    from rollbook.secret_files import has_secret

    if not has_secret(load()):
        raise SettingsError("SECRET_KEY: not set, and none is kept in DATA_DIR; set the one that the API has")
    with _opened() as (services, _):
        yield services.signing


@contextmanager
def _retention() -> "Iterator[Retention]":
    with _opened() as (services, _):
        yield services.retention


@contextmanager
def _migrations() -> "Iterator[Migrations]":
    from rollbook.embedded.database import beside_what_runs
    from rollbook.services import migrating

    logging.disable(logging.WARNING)
    with beside_what_runs(load()) as settings, migrating(settings) as migrations:
        yield migrations


commands.add_command(users_group(_accounts))
commands.add_command(sessions_group(_accounts))
commands.add_command(keys_group(_signing))
commands.add_command(purge_command(_retention))
commands.add_command(migrate_command(_migrations))
