"""Serving with gunicorn: threads in a few worker processes, each with its own connection to MongoDB."""

import logging
import os
import socket
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gunicorn.util
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from pydantic_core import to_json

from rollbook.access import open_house
from rollbook.app import create_app, database_of
from rollbook.kit import envelope
from rollbook.kit.errors import AppError, HeadersTooLarge, UriTooLong
from rollbook.ops import logs
from rollbook.settings import Settings, StartError

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - memory, where a heartbeat file cannot be held up by a disk
LOOPBACK = ("127.0.0.1", "::1", "localhost")
logger = logging.getLogger(__name__)


class AddressInUse(StartError):
    """The port is taken, or the address is not this machine's."""


class BrokenRequest(AppError):
    """What gunicorn refuses before the application sees it; `status` is gunicorn's."""

    status, code, message = 400, "broken_request", "The request is not proper HTTP."


def serve(settings: Settings, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way; ends with SystemExit.

    `on_ready` is called once, when connections are accepted. Raises: AddressInUse.
    """
    logs.configure(settings.log_level, settings.log_format)
    _require_free(settings.host, settings.port)
    logger.warning(open_house.WARNING)
    if settings.host not in LOOPBACK:
        logger.warning("listening on %s: whoever reaches this address may do everything", settings.host)
    gunicorn.util.write_error = _write_error
    _Server(settings, on_ready).run()


class _Server(BaseApplication):
    def __init__(self, settings: Settings, on_ready: Callable[[], None]) -> None:
        self._settings = settings
        self._on_ready = on_ready
        super().__init__()

    def load_config(self) -> None:
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{self._settings.port}",
            "worker_class": "gthread",
            "workers": self._settings.workers,
            "threads": self._settings.threads,
            "timeout": 30,
            "graceful_timeout": 10,
            "keepalive": 15,
            "control_socket_disable": True,
            "worker_tmp_dir": str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None,
            "logger_class": _Logger,
            "proc_name": "rollbook",
            "when_ready": lambda _: self._on_ready(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Runs in each worker, after the fork: a connection must not be shared between processes."""
        database = database_of(self._settings)
        database.connect()
        database.keep_prepared(patience=1)
        return create_app(self._settings, database)


class _Logger(Logger):
    """gunicorn's messages through our own log, in its form."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)


def _write_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:  # noqa: ARG001 - gunicorn names it
    """In place of gunicorn's HTML page; what gunicorn has to say of the request repeats it, so it stays in the log."""
    error = next((kind() for kind in (UriTooLong, HeadersTooLarge) if kind.status == status_int), BrokenRequest())
    error.status = status_int
    request_id = uuid.uuid4().hex
    body = to_json(envelope.failure(error, request_id))
    head = [f"HTTP/1.1 {status_int} {reason}", "Connection: close", "Content-Type: application/json"]
    head += [f"Content-Length: {len(body)}", f"X-Request-ID: {request_id}", "Cache-Control: no-store", "\r\n"]
    logger.info("broken request %d", status_int, extra={"request_id": request_id, "status": status_int})
    gunicorn.util.write_nonblock(sock, "\r\n".join(head).encode("ascii") + body)


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AddressInUse(
                f"Cannot listen on {host}:{port} ({error.strerror}): stop what uses it, or set PORT or HOST."
            ) from None
