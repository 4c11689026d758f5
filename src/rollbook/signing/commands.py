"""The key ring on the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.signing.service import KeyService


class Services(Protocol):
    @property
    def signing(self) -> KeyService | None: ...


def build_keys_group(
    open_services: Callable[[], AbstractContextManager[Services]],
) -> click.Group:
    @click.group()
    def keys() -> None:
        """Manage the keys that sign access tokens."""

    @keys.command()
    @click.option(
        "--replace-sealed",
        is_flag=True,
        help="also replace a key that this SECRET_KEY cannot decrypt",
    )
    def rotate(replace_sealed: bool) -> None:
        """Sign with the next key from now on.

        Tokens of the previous key stay valid until they expire.
        """
        with open_services() as services:
            service = _require(services.signing)
            active = service.rotate(actor=COMMAND_LINE, replace_sealed=replace_sealed)
            click.echo(f"{active.kid} signs now.")

    @keys.command("list")
    def list_() -> None:
        """List the keys, the latest first."""
        with open_services() as services:
            for key in _require(services.signing).list_keys():
                created = f"{key.created_at:%Y-%m-%d %H:%M:%S}"
                click.echo(f"{key.kid}\t{key.slot or 'retired'}\t{created}")

    return keys


def _require(service: KeyService | None) -> KeyService:
    if service is None:
        raise click.ClickException("HS256 has no key ring: JWT_SECRET_KEY signs every token.")
    return service
