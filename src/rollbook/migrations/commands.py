"""Migrations on the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from rollbook.migrations.service import RESTORING, MigrationService, OnProgress
from rollbook.migrations.steps import Step
from rollbook.terminal.opener import Opener


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.pass_obj
def migrate(opener: Opener, dry_run: bool) -> None:
    """Migrate the database to this version.

    It may be interrupted anywhere, and started again.
    """
    with opener.open_migrations() as migrations:
        if migrations.is_restoring():
            raise click.ClickException(RESTORING.message)
        for step in migrations.list_altered():
            click.echo(f"The code of migration {step.number} has changed since it ran.", err=True)
        if migrations.find_problem() is None:
            click.echo("The database is up to date.")
        elif dry_run:
            _show_plan(migrations)
        else:
            migrations.apply(_show_progress)
            click.echo("The database is up to date now.")


def _show_plan(migrations: MigrationService) -> None:
    for step in migrations.list_pending():
        click.echo(f"Would run migration {step.number}: {step.title}.")
    click.echo("Would build the indexes and validators that are missing.")


@contextmanager
def _show_progress(step: Step, total: int) -> Iterator[OnProgress]:
    label = f"Migration {step.number}: {step.title}"
    with click.progressbar(length=total, label=label, show_pos=True) as bar:
        yield bar.update
