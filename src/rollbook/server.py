"""Serve with gunicorn: a few worker processes with threads, each with its own MongoDB client."""

import logging
import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from rollbook.access.hooks import PROBES
from rollbook.buffering.worker import make_worker_class
from rollbook.cors.origins import AllowedOrigins
from rollbook.kit import metrics
from rollbook.openapi.headers import RESPONSE_HEADERS
from rollbook.passwords.hash_gate import LINE_LENGTH
from rollbook.settings import Settings, StartError
from rollbook.startup import configure, start_app

STOP_SECONDS = 12
"""After that, gunicorn kills a worker that stops. The worker itself waits for 10 s."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - what a worker writes often must not wait for a disk


class AddressInUse(StartError):
    """The port is in use, or the address does not belong to this machine."""


def serve(settings: Settings, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way. Ends with SystemExit.

    `on_ready` is called once, when connections are accepted. Raises: SettingsError, AddressInUse.
    """
    settings = configure(settings, check=lambda: _require_free_port(settings.host, settings.port))
    with _open_metrics_folder():
        _Server(settings, on_ready).run()


class _Server(BaseApplication):
    def __init__(self, settings: Settings, on_ready: Callable[[], None]) -> None:
        self._settings = settings
        self._on_ready = on_ready
        self._slots = _Slots()
        super().__init__()

    def load_config(self) -> None:
        host = self._settings.host
        address = f"[{host}]" if ":" in host else host
        options: dict[str, Any] = {
            "bind": f"{address}:{self._settings.port}",
            "worker_class": make_worker_class(
                max_body_bytes=self._settings.max_body_bytes,
                max_at_once=self._settings.threads,
                stop_delay=self._settings.shutdown_delay_seconds,
                probes=[f"/{name}" for name in PROBES],
                build_cors_headers=partial(
                    AllowedOrigins.parse(self._settings.cors_origins).build_headers,
                    exposed=RESPONSE_HEADERS,
                ),
            ),
            "workers": self._settings.workers,
            "threads": self._settings.threads + LINE_LENGTH,
            "timeout": 30,
            "max_requests": self._settings.worker_max_requests,
            "max_requests_jitter": self._settings.worker_max_requests // 10,
            "graceful_timeout": self._settings.shutdown_delay_seconds + STOP_SECONDS,
            "worker_connections": _get_max_connections(),
            "control_socket_disable": True,
            "worker_tmp_dir": _find_shared_memory(),
            "logger_class": _Logger,
            "proc_name": "rollbook",
            "when_ready": lambda _: self._on_ready(),
            "pre_fork": lambda _, worker: self._slots.take(worker),
            "post_fork": lambda _, worker: metrics.set_process(self._slots.find(worker)),
            "child_exit": lambda _, worker: metrics.forget_process(self._slots.free(worker)),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Create the application.

        It runs in each worker, after the fork: processes must not share a connection.
        """
        return start_app(self._settings)


class _Slots:
    """Numbers of the workers, the lowest free one for each. A worker is replaced in its slot."""

    def __init__(self) -> None:
        self._taken: dict[Any, int] = {}

    def take(self, worker: Any) -> None:
        numbers = set(self._taken.values())
        self._taken[worker] = next(each for each in count(1) if each not in numbers)

    def find(self, worker: Any) -> int:
        return self._taken[worker]

    def free(self, worker: Any) -> int:
        return self._taken.pop(worker)


class _Logger(Logger):
    """gunicorn's messages in our own log."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


@contextmanager
def _open_metrics_folder() -> Iterator[None]:
    """Share the metrics of the workers in a folder that the master removes at the end."""
    master = os.getpid()
    folder = Path(mkdtemp("", f"rollbook-metrics-{master}-", _find_shared_memory()))
    metrics.share_between_processes(folder)
    try:
        yield
    finally:
        if os.getpid() == master:
            shutil.rmtree(folder, ignore_errors=True)


def _find_shared_memory() -> str | None:
    """Return the folder that is no disk. None for the default, if there is none."""
    return str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None


def _get_max_connections() -> int:
    """Return the maximum for each worker: half of its file descriptors."""
    return max(16, min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))


def _require_free_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            raise AddressInUse(
                f"HOST: {host} is not an address. Use 127.0.0.1 for this machine only, 0.0.0.0 "
                "for all addresses."
            ) from None
        except OSError as error:
            raise AddressInUse(
                f"Cannot listen on {host}:{port} ({error.strerror}). Stop the program that uses "
                "it, or set PORT or HOST."
            ) from None
