"""A private mongod beside the API: started, watched over and stopped with it. For development and tests only.

It listens on loopback, where every user of the machine may connect, so it asks for a password: a random one, which the
first start makes and keeps in the data folder, which nobody else may enter.
"""

import ctypes
import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from rollbook.embedded import replica_set
from rollbook.settings import StartError

START_SECONDS = 20.0
STOP_SECONDS = 20.0
WATCH_SECONDS = 0.5
PR_SET_PDEATHSIG = 1
SMALL = (
    "--wiredTigerEngineConfigString=log=(file_max=8MB,prealloc=false)",
    "--wiredTigerCacheSizeGB=0.25",
    "--oplogSize=64",
    "--setParameter=diagnosticDataCollectionEnabled=false",
    "--setParameter=transactionLifetimeLimitSeconds=20",
    "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",
    "--networkMessageCompressors=disabled",
)


class PrivateMongod:
    """A one-node replica set on a free port of loopback, with its data in a folder that one process at a time may use.

    Start it from the main thread: the kernel ends mongod when the thread that started it ends (Linux, prctl(2)).
    """

    def __init__(self, binary: Path, folder: Path) -> None:
        self._binary = binary
        self._folder = folder
        self._lock: IO[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._died = False
        self.uri = ""

    def start(self) -> Self:
        """Returns when it takes writes. Raises: StartError."""
        self._claim()
        port, key = _free_port(), self._key()
        self._process = self._spawn(port)
        if not replica_set.await_primary(port, seconds=START_SECONDS, gone=self._gone, key=key):
            why = self._last_words()
            self.stop()
            raise StartError(why)
        self.uri = replica_set.uri(port, key)
        self._publish()
        threading.Thread(target=self._watch, name="rollbook-mongod", daemon=True).start()
        return self

    def stop(self) -> None:
        """Returns when it has written everything and ended; to be called by the process that started it."""
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._died:
            raise StartError(f"The private MongoDB ended by itself; its log is {self._log}. Start again.")

    def _watch(self) -> None:
        """Without its database the API is of no use: end both, and say why."""
        while not self._stopping.wait(WATCH_SECONDS):
            if self._gone():
                self._died = True
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _claim(self) -> None:
        """A POSIX record lock: a forked worker does not inherit it, so it ends with this process."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self._folder / "db").mkdir(exist_ok=True, mode=0o700)
            (self._folder / "lock").touch(mode=0o600)
            (self._folder / "lock").chmod(0o600)
            self._lock = (self._folder / "lock").open("a")
        except OSError as error:
            raise StartError(f"DATA_DIR: {self._folder} cannot be written ({error.strerror}); set another.") from None
        try:
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            self._lock = None
            raise StartError(
                f"Another rollbook runs on the data in {self._folder}: stop it, or set DATA_DIR to another folder."
            ) from None

    def _key(self) -> str:
        """The password of the one user, and mongod's key file, which makes it ask for one."""
        try:
            if not self._key_file.exists():
                new = self._key_file.with_suffix(".new")
                new.touch(mode=0o600)
                new.write_text(secrets.token_hex(32))
                new.rename(self._key_file)
            return self._key_file.read_text().strip()
        except OSError as error:
            raise StartError(f"{self._key_file}: {error.strerror}; nobody else may read it, and we must.") from None

    def _publish(self) -> None:
        """For `running_uri`."""
        assert self._lock  # noqa: S101 - for the type checker: start() claimed it
        self._lock.truncate(0)
        self._lock.write(self.uri)
        self._lock.flush()

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        self._log.unlink(missing_ok=True)
        command = [
            str(self._binary),
            f"--dbpath={self._folder / 'db'}",
            f"--logpath={self._log}",
            f"--port={port}",
            f"--replSet={replica_set.NAME}",
            f"--keyFile={self._key_file}",
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            *SMALL,
        ]
        try:
            with self._output.open("wb") as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl-C is for the API, which then stops mongod, in that order.
                    preexec_fn=_die_with_parent if sys.platform == "linux" else None,
                )
        except OSError as error:
            raise StartError(self._cannot_run(error.strerror or str(error))) from None

    @property
    def _key_file(self) -> Path:
        return self._folder / "mongod.key"

    @property
    def _log(self) -> Path:
        return self._folder / "mongod.log"

    @property
    def _output(self) -> Path:
        """What it says before it has a log, such as which library is missing."""
        return self._folder / "mongod.out"

    def _gone(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _last_words(self) -> str:
        """Why mongod ended, or that it did not get ready, in one line."""
        if self._process is None or self._process.poll() is None:
            return f"mongod did not get ready within {START_SECONDS:.0f} s; its log is {self._log}."
        if not self._log.exists():
            said = self._output.read_text(errors="replace").split("\n")
            return self._cannot_run(next(filter(None, said), f"exit code {self._process.returncode}"))
        return f"mongod ended with code {self._process.returncode}; its log is {self._log}. Or set MONGODB_URI."

    def _cannot_run(self, why: str) -> str:
        return f"{self._binary} cannot run here ({why}): mend that, or set MONGOD_BIN to another, or MONGODB_URI."


def running_uri(folder: Path) -> str | None:
    """Of the private mongod that another process runs on the data in `folder`; None when none does."""
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except OSError:
        return (folder / "lock").read_text() or None
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Runs in the child before mongod does. No orphan is left, whatever ends the parent; the journal keeps the data."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
