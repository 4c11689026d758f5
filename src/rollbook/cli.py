"""The `rollbook` command."""

import json
import urllib.request

import click

from rollbook.settings import SettingsError, load


@click.group()
def main() -> None:
    """A self-hosted user-management REST API on MongoDB."""


@main.command()
def serve() -> None:
    """Serve the API on the MongoDB at MONGODB_URI."""
    from rollbook.server import AddressInUse
    from rollbook.server import serve as serve_until_stopped

    try:
        settings = load()
        if settings.mongodb_uri is None:
            raise SettingsError("MONGODB_URI: name a MongoDB, or use `make run`, which brings a private one.")
        serve_until_stopped(settings)
    except (SettingsError, AddressInUse) as error:
        raise SystemExit(str(error)) from None


@main.command()
def openapi() -> None:
    """Print the OpenAPI document of the API under the present settings."""
    from rollbook.app import create_app, database_of
    from rollbook.openapi.specification import specification

    settings = load()
    app = create_app(settings, database_of(settings))
    click.echo(json.dumps(specification(app, settings.limits), indent=2, ensure_ascii=False))


@main.command()
def check() -> None:
    """Ask the server on this machine's PORT whether it is alive; for a container's health check."""
    url = f"http://127.0.0.1:{load().port}/health"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            click.echo(answer.status)
    except OSError as error:
        raise SystemExit(f"{url}: {error}") from None
