"""Migrations on the command line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import click

from rollbook.migrations.service import MigrationService, OnProgress
from rollbook.migrations.steps import Step


def build_migrate_command(
    open_migrations: Callable[[], AbstractContextManager[MigrationService]],
) -> click.Command:
    @click.command()
    @click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
    def migrate(dry_run: bool) -> None:
        """Bring the database to the form that this version expects.

        It may be interrupted anywhere, and started again.
        """
        with open_migrations() as migrations:
            for step in migrations.list_altered():
                click.echo(
                    f"The code of migration {step.number} has changed since it ran.", err=True
                )
            if migrations.find_problem() is None:
                click.echo("The database is up to date.")
            elif dry_run:
                _show_plan(migrations)
            else:
                migrations.apply(_show_progress)
                click.echo("The database is up to date now.")

    return migrate


def _show_plan(migrations: MigrationService) -> None:
    for step in migrations.list_pending():
        click.echo(f"Would run migration {step.number}: {step.title}.")
    click.echo("Would build the indexes and validators that are missing.")


@contextmanager
def _show_progress(step: Step, total: int) -> Iterator[OnProgress]:
    label = f"Migration {step.number}: {step.title}"
    with click.progressbar(length=total, label=label, show_pos=True) as bar:
        yield bar.update
