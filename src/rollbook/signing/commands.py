"""The key ring on the command line."""

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.signing.schemas import SigningKeyOut
from rollbook.signing.service import KeyService
from rollbook.terminal.opener import Opener
from rollbook.terminal.output import Column, json_option, print_list, render_time

COLUMNS = (
    Column("KID", lambda key: key.kid, 43),
    Column("STATE", lambda key: key.state, 8),
    Column("CREATED", lambda key: render_time(key.created_at)),
)


@click.group()
def keys() -> None:
    """Manage the keys that sign access tokens."""


@keys.command()
@click.option(
    "--replace-sealed",
    is_flag=True,
    help="also replace a key that this SECRET_KEY cannot decrypt",
)
@click.pass_obj
def rotate(opener: Opener, replace_sealed: bool) -> None:
    """Sign with the next key from now on.

    Tokens of the previous key stay valid until they expire.
    """
    with opener.open_services_with_secret() as services:
        service = _require(services.signing)
        active = service.rotate(actor=COMMAND_LINE, replace_sealed=replace_sealed)
        click.echo(f"{active.kid} signs now.")


@keys.command("list")
@json_option
@click.pass_obj
def list_(opener: Opener, as_json: bool) -> None:
    """List the keys, the latest first."""
    with opener.open_services_with_secret() as services:
        listed = _require(services.signing).list_keys()
        print_list(listed, SigningKeyOut, COLUMNS, as_json=as_json)


def _require(service: KeyService | None) -> KeyService:
    if service is None:
        raise click.ClickException("HS256 has no key ring: JWT_SECRET_KEY signs every token.")
    return service
