"""The database of `run.py`: the configured one, or a private one."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.settings import Settings


@contextmanager
def start_private_database(settings: Settings) -> Iterator[tuple[Settings, str]]:
    """Give settings with a database, and a text that says where its data is.

    With MONGODB_URI nothing is started. Raises: StartError.
    """
    if settings.mongodb_uri is not None:
        yield settings, "in the MongoDB of MONGODB_URI"
        return
    with PrivateMongod(find_mongod(settings.mongod_bin), settings.data_dir) as mongod:
        location = f"in {settings.data_dir.resolve()}"
        yield settings.model_copy(update={"mongodb_uri": SecretStr(mongod.uri)}), location
