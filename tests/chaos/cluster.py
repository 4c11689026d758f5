"""A replica set of three real mongods, each behind a proxy, whose members can fail."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from rollbook.embedded.binary import find_mongod
from tests.chaos.proxy import Proxy
from tests.harness.serving import get_free_port, wait_until

NAME = "chaos"
MAX_ATTEMPTS = 3
SETTINGS = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
"""As docs/operations.md recommends. By default, an election begins after 10 s."""
OPTIONS = [
    f"--replSet={NAME}",
    "--bind_ip=127.0.0.1",
    "--nounixsocket",
    "--oplogSize=128",
    "--wiredTigerCacheSizeGB=0.25",
    "--setParameter=transactionLifetimeLimitSeconds=5",
    "--wiredTigerEngineConfigString=log=(file_max=8MB,prealloc=false)",
]


class Member:
    """`environment` is added to that of its mongod."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder, self._port = folder, get_free_port()
        self.environment: dict[str, str] = {}
        self.proxy = Proxy(self._port)
        self.host = f"127.0.0.1:{self.proxy.port}"
        self.client = MongoClient(
            "127.0.0.1",
            self._port,
            directConnection=True,
            serverSelectionTimeoutMS=1000,
            timeoutMS=1000,
        )
        self.start()

    def start(self) -> None:
        command = [str(find_mongod(None)), f"--dbpath={self._folder}", f"--port={self._port}"]
        with (self._folder / "mongod.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *OPTIONS], stdout=log, stderr=log, env={**os.environ, **self.environment}
            )

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def get_state(self) -> str:
        with suppress(PyMongoError):
            hello = self.client.admin.command("hello")
            if hello.get("isWritablePrimary"):
                return "primary"
            if hello.get("secondary"):
                return "secondary"
        return "away"


MAX_ATTEMPTS = 3


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.members = [Member(folder / str(number)) for number in range(3)]
        self.uri = f"mongodb://{','.join(each.host for each in self.members)}/?replicaSet={NAME}"

    def initiate(self) -> bool:
        """Make a replica set of the members. False when one has crashed."""
        hosts = [{"_id": number, "host": each.host} for number, each in enumerate(self.members)]
        config = {"_id": NAME, "members": hosts, "settings": SETTINGS}
        wait_until(lambda: self._initiate(config), seconds=30)
        wait_until(lambda: self._is_healthy() or self._has_crashed(), seconds=60)
        return not self._has_crashed()

    def _has_crashed(self) -> bool:
        return any(each.process.poll() is not None for each in self.members)

    def _is_healthy(self) -> bool:
        """Is one member primary, and are the others secondaries?"""
        healthy = ["primary", "secondary", "secondary"]
        return sorted(each.get_state() for each in self.members) == healthy

    def _initiate(self, config: dict[str, object]) -> bool:
        with suppress(PyMongoError):
            self.members[0].client.admin.command("replSetInitiate", config)
            return True
        return False

    def await_health(self) -> None:
        wait_until(self._is_healthy, seconds=60)

    def get_primary(self) -> Member:
        return wait_until(
            lambda: next((m for m in self.members if m.get_state() == "primary"), None), seconds=60
        )

    def kill_primary(self, seconds: float) -> None:
        """Kill the primary with SIGKILL, and start it again after `seconds`."""
        primary = self.get_primary()
        primary.kill()
        time.sleep(seconds)
        primary.start()

    def pause_primary(self, seconds: float) -> None:
        """Stop the primary with SIGSTOP for `seconds`."""
        primary = self.get_primary()
        primary.send(signal.SIGSTOP)
        time.sleep(seconds)
        primary.send(signal.SIGCONT)

    def cut_primary_off(self, seconds: float) -> None:
        """Let nobody reach the primary for `seconds`, while it reaches the others."""
        proxy = self.get_primary().proxy
        proxy.cut()
        time.sleep(seconds)
        proxy.mend()

    def make_primary(self, wanted: Member) -> None:
        """Let the others step down until `wanted` is elected."""
        for _ in range(10):
            if (primary := self.get_primary()) is wanted:
                return
            self._step_down(primary, wanted)
        raise AssertionError("the member is not elected")

    def _step_down(self, primary: Member, wanted: Member) -> None:
        for member in self.members:
            if member not in (primary, wanted):
                with suppress(PyMongoError):
                    member.client.admin.command("replSetFreeze", 20)
        with suppress(PyMongoError):
            primary.client.admin.command("replSetStepDown", 20, secondaryCatchUpPeriodSecs=10)
        with suppress(PyMongoError):
            wanted.client.admin.command("replSetStepUp")
        self.await_health()
        for member in self.members:
            with suppress(PyMongoError):
                member.client.admin.command("replSetFreeze", 0)

    def close(self) -> None:
        for member in self.members:
            member.client.close()
            member.proxy.mend()
            with suppress(ProcessLookupError):
                member.send(signal.SIGCONT)
            member.kill()
            member.proxy.close()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a replica set of three members, and stop it at the end.

    A first primary of MongoDB 6.0 may crash (`Invariant failure isVersionInitialized()`), when it
    is asked before it has set up its database. Then another set is started.
    """
    for attempt in range(MAX_ATTEMPTS):
        running = Cluster(folder / str(attempt))
        try:
            if running.initiate():
                yield running
                return
        finally:
            running.close()
    raise AssertionError("no replica set starts")
