"""Start `rollbook serve` and `run.py` as processes on loopback, with their own environment."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
READY_SECONDS = 15
LOG_CHARACTERS = 4000
OPEN = {
    "AUTH_REQUIRED": "false",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,x",
    "RATELIMIT_ENABLED": "false",
    "SECRET_KEY": "8d1f0a6c94b27e35d8c0b1a2f3e4d5c6",
}
"""No sign-in and no limits, so that a test needs neither unless it is about them."""


class Server:
    """A process that serves at `url`. Its output is in `log`: `workers` say that they are ready."""

    def __init__(
        self, process: subprocess.Popen[bytes], port: int, log: Path, workers: int
    ) -> None:
        self.process, self._workers = process, workers
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def await_status(self, path: str, status: int, seconds: float = READY_SECONDS) -> float:
        """The seconds until `path` responded with `status`, and until all workers are ready.

        Raises: AssertionError, when it does not within `seconds`.
        """
        started, seen = time.monotonic(), None
        while (elapsed := time.monotonic() - started) < seconds:
            try:
                seen = httpx.get(self.url + path, timeout=5).status_code
            except httpx.TransportError as error:
                seen = error
            if seen == status and (status != 200 or path != "/ready" or self._are_ready()):
                return elapsed
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(
            f"{path} returned {seen!r} instead of {status} for {seconds} s:\n{self.log.read_text()}"
        )

    def _are_ready(self) -> bool:
        """Each worker answers for itself, so one may be ready before the others."""
        return self.log.read_text().count("database ready") >= self._workers

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def retry_while_busy(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Repeat a request while it gets 503, since only a few passwords are hashed at once."""
    for _ in range(400):
        response = send()
        if response.status_code != 503:
            break
        time.sleep(0.02)
    return response


def wait_until(condition: Callable[[], T], seconds: float = READY_SECONDS) -> T:
    """The first true result of `condition`. Raises: AssertionError, without one in time."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"the condition was not met within {seconds} s"
        time.sleep(0.02)
    return result


def get_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    folder: Path, *command: str, python: str = sys.executable, **environment: object
) -> Iterator[Server]:
    """`command` are the arguments of `python`; by default it runs `rollbook serve`.

    `environment` has the settings. When the test fails, it shows the end of the log.
    """
    port = int(str(environment.pop("PORT", get_free_port())))
    log = folder / f"server-{port}.log"
    settings = OPEN | {"BCRYPT_ROUNDS": 4, "PORT": port} | environment
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, *(command or ("-m", "rollbook", "serve"))],
            cwd=folder,
            env=get_base_environment() | {name: str(value) for name, value in settings.items()},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(process, port, log, _count_logging_workers(settings))
    except BaseException:
        sys.stderr.write(f"--- {log}\n{log.read_text()[-LOG_CHARACTERS:]}")
        raise
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _count_logging_workers(settings: Mapping[str, object]) -> int:
    """The workers that log when they are ready: none when LOG_LEVEL hides it."""
    return 0 if settings.get("LOG_LEVEL") == "WARNING" else int(str(settings.get("WORKERS", 1)))


def run_py(folder: Path, **environment: object) -> subprocess.CompletedProcess[str]:
    """Run `run.py` with settings with which it ends by itself."""
    return run_python(folder, str(ROOT / "run.py"), **environment)


def run_python(
    folder: Path, *command: str, **environment: object
) -> subprocess.CompletedProcess[str]:
    """Run a command of Python that ends by itself. `environment` has the settings."""
    settings = OPEN | {"BCRYPT_ROUNDS": 4} | environment
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=get_base_environment() | {name: str(value) for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=30,
    )


def get_base_environment() -> dict[str, str]:
    """Without the settings of the shell that runs the tests. Coverage is measured here too."""
    kept = ("PATH", "HOME", "LANG")
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or name.startswith("COVERAGE_")
    }
