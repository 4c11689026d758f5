"""Real processes: `rollbook serve` and `run.py` on loopback, with an environment of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
READY_SECONDS = 15
OPEN = {
    "AUTH_REQUIRED": "false",
    "ALLOWED_HOSTS": "127.0.0.1,localhost,x",
    "RATELIMIT_ENABLED": "false",
    "SECRET_KEY": "8d1f0a6c94b27e35d8c0b1a2f3e4d5c6",
}
"""What a test is about is not hidden behind who may call, unless it says so."""


class Serving:
    """A process that serves at `url`; what it prints goes to `log`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def await_status(self, path: str, status: int, seconds: float = READY_SECONDS) -> float:
        """Seconds until `path` answered with `status`. Raises: AssertionError, when it did not in time."""
        started, seen = time.monotonic(), None
        while (took := time.monotonic() - started) < seconds:
            try:
                seen = httpx.get(self.url + path, timeout=5).status_code
            except httpx.TransportError as error:
                seen = error
            if seen == status:
                return took
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        raise AssertionError(f"{path} gave {seen!r}, not {status}, for {seconds} s:\n{self.log.read_text()}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


def patiently(send: Callable[[], httpx.Response]) -> httpx.Response:
    """As a client does that heeds Retry-After: as many passwords are hashed at once as there are cores."""
    for _ in range(400):
        answer = send()
        if answer.status_code != 503:
            break
        time.sleep(0.02)
    return answer


def eventually(wanted: Callable[[], T], seconds: float = READY_SECONDS) -> T:
    """What `wanted` gives, once that is true of it. Raises: AssertionError, when it was not in time."""
    until = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, *command: str, **environment: object) -> Iterator[Serving]:
    """`command`: what Python runs, by default `rollbook serve`. Settings go in as the environment."""
    port = int(str(environment.pop("PORT", free_port())))
    log = folder / f"server-{port}.log"
    settings = OPEN | {"BCRYPT_ROUNDS": 4, "PORT": port} | environment
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *(command or ("-m", "rollbook", "serve"))],
            cwd=folder,
            env=_clean() | {name: str(value) for name, value in settings.items()},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Serving(process, port, log)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def run_py(folder: Path, **environment: object) -> subprocess.CompletedProcess[str]:
    """`run.py` that is expected to end by itself."""
    settings = OPEN | {"BCRYPT_ROUNDS": 4} | environment
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py")],
        cwd=folder,
        env=_clean() | {name: str(value) for name, value in settings.items()},
        capture_output=True,
        text=True,
        timeout=30,
    )


def _clean() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
