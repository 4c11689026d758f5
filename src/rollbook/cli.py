"""The `rollbook` command."""

import json
import urllib.request

import click

from rollbook.settings import SettingsError, StartError, load


def main() -> None:
    """Whatever keeps a command from starting ends in its lines, without a traceback."""
    try:
        commands()
    except StartError as error:
        raise SystemExit(str(error)) from None


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
    from rollbook.app import create_app, database_of
    from rollbook.openapi.specification import specification

    settings = load()
    app = create_app(settings, database_of(settings))
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
