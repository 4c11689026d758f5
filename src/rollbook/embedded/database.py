"""The database of `run.py`: the configured one and no other, or else a private one."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod, running_uri
from rollbook.settings import Settings


@contextmanager
def private_unless_configured(settings: Settings) -> Iterator[tuple[Settings, str]]:
    """Settings that name a database, and in words where its data is. Raises: StartError."""
    if settings.mongodb_uri is not None:
        yield settings, "in the MongoDB of MONGODB_URI"
        return
    with PrivateMongod(find_mongod(settings.mongod_bin), settings.data_dir) as mongod:
        yield settings.model_copy(update={"mongodb_uri": SecretStr(mongod.uri)}), f"in {settings.data_dir.resolve()}"


@contextmanager
def beside_what_runs(settings: Settings) -> Iterator[Settings]:
    """For a command: the configured database, or the private one, which `run.py` may be running or not.

    Raises: StartError.
    """
    uri = running_uri(settings.data_dir) if settings.mongodb_uri is None else None
    if uri:
        yield settings.model_copy(update={"mongodb_uri": SecretStr(uri)})
        return
    with private_unless_configured(settings) as (configured, _):
        yield configured
