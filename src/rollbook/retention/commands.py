"""Purging on the command line."""

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.terminal.opener import Opener


@click.command()
@click.option("--dry-run", is_flag=True, help="List the ids of the users, and purge nobody.")
@click.pass_obj
def purge(opener: Opener, dry_run: bool) -> None:
    """Purge users deleted over RETENTION_DAYS ago."""
    with opener.open_services() as services:
        retention = services.retention
        count = retention.count_expired()
        if dry_run:
            for user_id in retention.list_expired():
                click.echo(user_id)
            click.echo(f"{count} users would be purged.")
            return
        with click.progressbar(length=count, label="Purging") as bar:
            purged = retention.purge_expired(actor=COMMAND_LINE, on_progress=bar.update)
        click.echo(f"{purged} users purged.")
