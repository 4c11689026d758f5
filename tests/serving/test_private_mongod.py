"""The private MongoDB of `run.py` requires a password, since all local users can connect to it."""

import re
import stat
import subprocess

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.data_folder import find_running_uri
from rollbook.embedded.mongod import PrivateMongod
from rollbook.embedded.replica_set import NAME, await_primary
from tests.harness.serving import get_free_port


@pytest.fixture
def start(tmp_path):
    return lambda: PrivateMongod(find_mongod(None), tmp_path / "data")


def test_private_mongod_requires_password(start):
    with start() as mongod, MongoClient(mongod.uri) as ours:
        ours.rollbook.users.insert_one({"name": "Ada"})
        for uri in (
            re.sub("//.*@", "//", mongod.uri).replace("&authSource=admin", ""),
            re.sub(":[0-9a-f]+@", ":guess@", mongod.uri),
        ):
            with (
                MongoClient(uri, serverSelectionTimeoutMS=2000) as stranger,
                pytest.raises(OperationFailure) as caught,
            ):
                stranger.rollbook.users.find_one()
            assert caught.value.code in (13, 18)
        assert "compression" not in ours.admin.command(
            "hello", compression=["zlib", "snappy", "zstd"]
        )


def test_password_is_random_and_readable_by_owner_only(start, tmp_path):
    with start() as mongod:
        first = mongod.uri
        assert re.search(":[0-9a-f]{64}@127", first)
        assert find_running_uri(tmp_path / "data") in (None, first)
    for name in ("mongod.key", "lock"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    with start() as again:
        assert re.search(":([0-9a-f]+)@", again.uri)[1] == re.search(":([0-9a-f]+)@", first)[1]


def test_existing_data_without_password_gets_one(start, tmp_path):
    folder, port = tmp_path / "data", get_free_port()
    (folder / "db").mkdir(parents=True)
    command = [
        find_mongod(None),
        f"--dbpath={folder / 'db'}",
        f"--port={port}",
        f"--replSet={NAME}",
    ]
    before = subprocess.Popen(
        [*command, "--bind_ip=127.0.0.1", "--nounixsocket"], stdout=subprocess.DEVNULL
    )
    try:
        assert await_primary(port, seconds=20, has_ended=lambda: False)
        with MongoClient("127.0.0.1", port, directConnection=True) as client:
            client.rollbook.users.insert_one({"name": "Ada"})
    finally:
        before.terminate()
        before.wait(20)
    with start() as guarded, MongoClient(guarded.uri) as client:
        assert client.rollbook.users.find_one()["name"] == "Ada"
