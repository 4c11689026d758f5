"""How a command gets the services on the database.

The command gets an Opener by `@click.pass_obj`; `rollbook.command_opener` implements it.
"""

from contextlib import AbstractContextManager
from typing import Any, Protocol


class Opener(Protocol):
    """Opens the database for the time of a command, and says on standard error which one it is.

    Each method raises StartError when there is no database, or it cannot be used.
    """

    def open_services(self) -> AbstractContextManager[Any]:
        """Open `rollbook.services.Services`."""

    def open_services_with_secret(self) -> AbstractContextManager[Any]:
        """Open the services with the SECRET_KEY of the API, which the key ring needs."""

    def open_backups(self) -> AbstractContextManager[Any]:
        """Open the BackupService on a database in any state."""

    def open_migrations(self) -> AbstractContextManager[Any]:
        """Open the MigrationService on a database in any state."""
