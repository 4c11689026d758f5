"""The key ring on the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.signing.service import KeyService

Opened = Callable[[], AbstractContextManager[KeyService | None]]


def keys_group(opened: Opened) -> click.Group:
    @click.group()
    def keys() -> None:
        """The keys that sign access tokens."""

    @keys.command()
    @click.option("--replace-sealed", is_flag=True, help="also when this SECRET_KEY cannot open the next one")
    def rotate(replace_sealed: bool) -> None:
        """Sign with the next key from now on; what the former one signed stays good until it expires."""
        with opened() as ring:
            active = _needed(ring).rotate(actor=COMMAND_LINE, replace_sealed=replace_sealed)
            click.echo(f"{active.kid} signs now.")

    @keys.command("list")
    def list_() -> None:
        """List the keys, the newest first."""
        with opened() as ring:
            for key in _needed(ring).list_keys():
                click.echo(f"{key.kid}\t{key.slot or 'retired'}\t{key.created_at:%Y-%m-%d %H:%M:%S}")

    return keys


def _needed(ring: KeyService | None) -> KeyService:
    if ring is None:
        raise click.ClickException("With HS256 there is no key ring; one secret signs, JWT_SECRET_KEY.")
    return ring
