"""Purging on the command line."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import click

from rollbook.access.principal import COMMAND_LINE
from rollbook.retention.service import RetentionService


class Services(Protocol):
    @property
    def retention(self) -> RetentionService: ...


def build_purge_command(
    open_services: Callable[[], AbstractContextManager[Services]],
) -> click.Command:
    @click.command()
    @click.option("--dry-run", is_flag=True, help="List the ids of the users, and purge nobody.")
    def purge(dry_run: bool) -> None:
        """Purge the users who were deleted more than RETENTION_DAYS ago."""
        with open_services() as services:
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

    return purge
