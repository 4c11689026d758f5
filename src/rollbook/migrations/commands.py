"""Migrating on the command line."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import click

from rollbook.migrations.service import Migrations, Tell
from rollbook.migrations.steps import Step

Opened = Callable[[], AbstractContextManager[Migrations]]


def migrate_command(opened: Opened) -> click.Command:
    @click.command()
    @click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
    def migrate(dry_run: bool) -> None:
        """Bring what is stored to what this version expects; it may be interrupted, and started again."""
        with opened() as migrations:
            for step in migrations.altered():
                click.echo(f"Migration {step.number} is not the code that ran here.", err=True)
            fault = migrations.find_fault()
            if fault is None:
                click.echo("The database is up to date.")
            elif dry_run:
                _foretell(migrations)
            else:
                migrations.apply(_bar)
                click.echo("The database is up to date now.")

    return migrate


def _foretell(migrations: Migrations) -> None:
    for step in migrations.waiting():
        click.echo(f"Would run migration {step.number}: {step.title}.")
    click.echo("Would build the indexes and validators that are missing.")


@contextmanager
def _bar(step: Step, total: int) -> Iterator[Tell]:
    label = f"Migration {step.number}: {step.title}"
    with click.progressbar(length=total, label=label, show_pos=True) as bar:
        yield bar.update
