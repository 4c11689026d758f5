"""Backups on the command line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from rollbook.backup.container import Keys, Locks
from rollbook.backup.errors import BackupError
from rollbook.terminal.opener import Opener

STANDARD = "-"
PASSPHRASE_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)
MIN_PASSPHRASE_LENGTH = 12


@click.command()
@click.argument("file")
@click.option("--recipient", "recipients", multiple=True, help="Encrypt for an age recipient.")
@click.option("--passphrase-file", type=PASSPHRASE_FILE, help="Encrypt with what the file holds.")
@click.pass_obj
def backup(
    opener: Opener, file: str, recipients: tuple[str, ...], passphrase_file: Path | None
) -> None:
    """Write a backup of everything.

    It goes into FILE, which must not exist, or to standard output for -. It has the database as it
    was at one point in time, and not SECRET_KEY. The API may run.
    """
    locks = Locks(recipients, _read_passphrase(passphrase_file))
    with _report_errors(), opener.open_backups() as backups, _create(file) as target:
        counts = backups.write(target, locks)
    _report("stored in the backup", counts)
    if not recipients and passphrase_file is None:
        click.echo("It is not encrypted: it has password hashes and personal data.", err=True)


@click.command()
@click.argument("file")
@click.option("--identity", type=PASSPHRASE_FILE, help="A file with age identities.")
@click.option("--passphrase-file", type=PASSPHRASE_FILE, help="A file with the passphrase.")
@click.option("--replace", is_flag=True, help="Delete what the database has.")
@click.option("--without-sessions", is_flag=True, help="Sign everyone out.")
@click.option("--yes", is_flag=True, help="Do not ask before --replace.")
@click.pass_obj
def restore(
    opener: Opener,
    file: str,
    identity: Path | None,
    passphrase_file: Path | None,
    replace: bool,
    without_sessions: bool,
    yes: bool,
) -> None:
    """Restore a backup.

    It comes from FILE, or from standard input for -. The database must be empty, and the API
    stopped. A file is verified before anything is changed; standard input is verified at the end.
    An interrupted restore leaves a database that nothing serves: run it again with --replace.
    """
    if replace and file == STANDARD:
        raise click.UsageError("--replace needs a FILE, which is verified first.")
    keys = Keys(_read_identities(identity), _read_passphrase(passphrase_file))
    with _report_errors(), opener.open_backups() as backups:
        if file != STANDARD:
            with Path(file).open("rb") as source:
                backups.verify(source, keys)
        if replace and not yes:
            click.confirm("Delete everything in this database?", abort=True, err=True)
        with _open(file) as source:
            counts = backups.restore(
                source, keys, replaces=replace, without_sessions=without_sessions
            )
    _report("restored", counts)
    click.echo("Sign-ins need the SECRET_KEY of the backup: `rollbook doctor` checks it.", err=True)


@contextmanager
def _create(file: str) -> Iterator[BinaryIO]:
    """Create a file that is complete or not there, and that only its owner reads."""
    if file == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    if path.exists():
        raise BackupError(f"{file} exists. Name another file.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BackupError(f"{file}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as target:
            yield target
            target.flush()
            os.fsync(target.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _open(file: str) -> Iterator[BinaryIO]:
    if file == STANDARD:
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as source:
        yield source


@contextmanager
def _report_errors() -> Iterator[None]:
    try:
        yield
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None


def _report(what: str, counts: dict[str, int]) -> None:
    for name, number in counts.items():
        click.echo(f"{number:>10,} {name}", err=True)
    click.echo(f"{sum(counts.values()):,} documents {what}.", err=True)


def _read_passphrase(file: Path | None) -> str | None:
    if file is None:
        return None
    passphrase = file.read_text().strip()
    if len(passphrase) < MIN_PASSPHRASE_LENGTH:
        message = f"{file}: at least {MIN_PASSPHRASE_LENGTH} characters, please."
        raise click.ClickException(message)
    return passphrase


def _read_identities(file: Path | None) -> tuple[str, ...]:
    """Read a file as `age-keygen` writes it. A line with # is a comment."""
    if file is None:
        return ()
    lines = [line.strip() for line in file.read_text().splitlines()]
    return tuple(line for line in lines if line and not line.startswith("#"))
