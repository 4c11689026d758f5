"""A private mongod that starts and stops with the API. For development and tests only.

It listens on loopback, which every user of the machine can reach, so it requires a password: a
random one, which the first start stores in the data folder.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from rollbook.embedded import replica_set
from rollbook.embedded.data_folder import DataFolder
from rollbook.settings import StartError

START_SECONDS = 20.0
STOP_SECONDS = 20.0
WATCH_SECONDS = 0.5
PR_SET_PDEATHSIG = 1
OPTIONS = (
    "--bind_ip=127.0.0.1",
    "--nounixsocket",
    "--wiredTigerEngineConfigString=log=(file_max=8MB,prealloc=false)",
    "--wiredTigerCacheSizeGB=0.25",
    "--oplogSize=64",
    "--setParameter=diagnosticDataCollectionEnabled=false",
    "--setParameter=transactionLifetimeLimitSeconds=20",
    "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",
    "--networkMessageCompressors=disabled",
)


class PrivateMongod:
    """A replica set of one node on a free port of loopback.

    Start it in the main thread: on Linux the kernel ends mongod when the thread that started it
    ends (prctl(2)).
    """

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._folder = DataFolder(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._died = False
        self.uri = ""

    def start(self) -> Self:
        """Start mongod, and return when it accepts writes. Raises: StartError."""
        self._folder.acquire()
        port, key = _find_free_port(), self._folder.read_or_create_key()
        self._process = self._spawn(port)
        if not replica_set.await_primary(
            port, seconds=START_SECONDS, has_ended=self._has_ended, key=key
        ):
            message = self._describe_failure()
            self.stop()
            raise StartError(message)
        self.uri = replica_set.build_uri(port, key)
        self._folder.publish_uri(self.uri)
        threading.Thread(target=self._watch, name="rollbook-mongod", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop mongod, and return when it has written everything and ended.

        Call it in the process that started mongod.
        """
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._folder.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._died:
            log = self._folder.log
            raise StartError(f"The private MongoDB ended by itself. Its log is {log}. Start again.")

    def _watch(self) -> None:
        """End the API when mongod ends by itself, and record that as the reason."""
        while not self._stopping.wait(WATCH_SECONDS):
            if self._has_ended():
                self._died = True
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        self._folder.log.unlink(missing_ok=True)
        command = [
            str(self._binary),
            f"--dbpath={self._folder.database}",
            f"--logpath={self._folder.log}",
            f"--keyFile={self._folder.key_file}",
            f"--port={port}",
            f"--replSet={replica_set.NAME}",
            *OPTIONS,
        ]
        try:
            with self._folder.output.open("wb") as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C stops the API first, which then stops mongod.
                    preexec_fn=_end_with_parent if sys.platform == "linux" else None,
                )
        except OSError as error:
            raise StartError(self._describe_broken_binary(error.strerror or str(error))) from None

    def _has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _describe_failure(self) -> str:
        """Describe in one line why mongod ended or did not become ready."""
        log = self._folder.log
        if self._process is None or self._process.poll() is None:
            return f"mongod was not ready within {START_SECONDS:.0f} s. Its log is {log}."
        code = self._process.returncode
        if not log.exists():
            lines = self._folder.output.read_text(errors="replace").split("\n")
            return self._describe_broken_binary(next(filter(None, lines), f"exit code {code}"))
        return f"mongod ended with code {code}. Its log is {log}. Or set MONGODB_URI."

    def _describe_broken_binary(self, why: str) -> str:
        return (
            f"{self._binary} cannot run here ({why}). Fix that, or set MONGOD_BIN to another "
            "mongod, or MONGODB_URI."
        )


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    """Make the kernel kill mongod when this process's parent ends.

    It runs in the child, before mongod. The journal keeps the data safe.
    """
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
