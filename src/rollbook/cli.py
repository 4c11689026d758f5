"""The `rollbook` command: serve the API, and the commands of the features."""

import json
import secrets
import urllib.request
from pathlib import Path

import click
from pydantic import SecretStr

from rollbook import __version__
from rollbook.audit.commands import audit
from rollbook.backup.commands import backup, restore
from rollbook.command_opener import CommandOpener
from rollbook.invitations.commands import invite
from rollbook.kit import clock
from rollbook.kit.errors import AppError
from rollbook.mail.commands import mail
from rollbook.mail.templates import TemplateRefused
from rollbook.migrations.commands import migrate
from rollbook.retention.commands import purge
from rollbook.roles.commands import roles
from rollbook.settings import SettingsError, StartError
from rollbook.settings_loader import load_settings
from rollbook.signing.commands import keys
from rollbook.storage.driver_errors import DatabaseError
from rollbook.users.commands import users
from rollbook.users.session_commands import sessions


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
    except TemplateRefused as error:
        raise SystemExit(f"MAIL_TEMPLATES: {error}") from None
    except DatabaseError as error:
        raise SystemExit(f"MongoDB refused: {error}") from None


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rollbook")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="The DATA_DIR of the API: its private MongoDB and its secrets.",
)
@click.pass_context
def commands(context: click.Context, data_dir: Path | None) -> None:
    """Run rollbook, a self-hosted user-management REST API on MongoDB."""
    context.obj = CommandOpener(data_dir)


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
    """Print the OpenAPI document under these settings."""
    from rollbook.app import create_app
    from rollbook.database_parts import build_database
    from rollbook.openapi.specification import build_specification
    from rollbook.services import build_services

    unsaved = SecretStr(secrets.token_hex())
    update = {"secret_key": unsaved, "jwt_secret_key": unsaved}
    settings = load_settings().model_copy(update=update)
    app = create_app(settings, build_services(settings), build_database(settings))
    document = build_specification(app, settings.length_limits, title=settings.app_name)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


@commands.command()
def check() -> None:
    """Ask the server on PORT whether it is alive.

    It is the health check of the container.
    """
    url = f"http://127.0.0.1:{load_settings().port}/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            click.echo(response.status)
    except OSError as error:
        raise SystemExit(f"{url}: {error}") from None


@commands.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of all findings.")
@click.pass_obj
def doctor(opener: CommandOpener, as_json: bool) -> None:
    """Examine this installation, and say what to do.

    It looks at settings, secrets, MongoDB and limits, and prints a line each: ok, warn or fail. The
    exit status is 1 if anything fails. Everything stays as it was.
    """
    from rollbook.checkup import examine
    from rollbook.doctor.findings import has_failed

    findings = []
    for finding in examine(opener):
        findings.append(finding)
        if not as_json:
            click.echo(finding.render())
    if as_json:
        click.echo(json.dumps([finding.to_json() for finding in findings], indent=2))
    raise SystemExit(has_failed(findings))


@commands.command("compose-secrets")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def create_compose_secrets(folder: Path) -> None:
    """Create the secrets of docker-compose.yml in FOLDER.

    The containers share them. Existing ones stay as they are.
    """
    from rollbook.compose_secrets import create_secrets

    try:
        for path in create_secrets(folder, clock.now()):
            click.echo(f"created {path}")
    except OSError as error:
        raise SystemExit(f"{error.filename}: {error.strerror}") from None


users.add_command(invite)
for command in (users, sessions, roles, audit, keys, mail, purge, migrate, backup, restore):
    commands.add_command(command)
