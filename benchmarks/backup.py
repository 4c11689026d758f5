"""Backs up and restores a database with USERS users, a million by default.

It prints seconds, the size of the backup, and the most memory that each command has used.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pymongo import MongoClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.directory import fill_database
from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from rollbook.kit import clock
from tests.harness.serving import OPEN

USERS = int(os.environ.get("USERS", "1000000"))
MIB = 2**20
MEASURED = """
import resource, subprocess, sys
status = subprocess.call([sys.executable, "-m", "rollbook", *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        MongoClient(mongod.uri) as client,
    ):
        source = fill_database(client, mongod.uri, USERS, clock.now())
        path = Path(name) / "backup"
        run(["backup", str(path)], mongod.uri, source.name)
        print(f"size of the backup: {path.stat().st_size / MIB:.0f} MiB")
        run(["restore", str(path)], mongod.uri, "restored")
        restored = client["restored"].users.count_documents({})
        if restored != source.users.count_documents({}):
            raise SystemExit(f"only {restored:,} users were restored")


def run(command: list[str], uri: str, name: str) -> None:
    environment = OPEN | {"MONGODB_URI": uri, "MONGODB_DBNAME": name}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, mebibytes = time.monotonic() - started, int(done.stdout.split()[-1]) / 1024
    print(f"{command[0]}: {seconds:.0f} s, {mebibytes:.0f} MiB of memory", flush=True)


if __name__ == "__main__":
    main()
