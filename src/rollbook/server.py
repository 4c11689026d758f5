"""Serving with gunicorn: threads in a few worker processes, each with its own connection to MongoDB."""

import logging
import os
import resource
import socket
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gunicorn.util
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from pydantic_core import to_json

from rollbook.app import create_app
from rollbook.buffering.worker import worker_for
from rollbook.kit import envelope
from rollbook.kit.background import keep_doing
from rollbook.kit.database import Database
from rollbook.kit.errors import AppError, HeadersTooLarge, UriTooLong
from rollbook.ops import logs
from rollbook.secret_files import with_secrets
from rollbook.services import Services, database_of, services_of
from rollbook.settings import LOOPBACK, Settings, SettingsError, StartError

PATIENCE_SECONDS = 2
"""How long a worker waits for MongoDB, or for another worker to prepare it, before it answers that it is not ready."""
SETTLED_SECONDS = 2
SWEEP_SECONDS = 60
"""How often a worker asks whether it is time; of all of them, one in an hour finds that it is."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - memory, where a heartbeat file cannot be held up by a disk
OPEN_HOUSE = "AUTH_REQUIRED=false: EVERY CALLER MAY DO EVERYTHING. For a private network behind a gateway only."
logger = logging.getLogger(__name__)


class AddressInUse(StartError):
    """The port is taken, or the address is not this machine's."""


class RequestTimeout(AppError):
    """The client took longer than `buffering.worker.REQUEST_SECONDS` over it."""

    status, code, message = 408, "request_timeout", "The request did not come in within 20 seconds. Send it again."


class BrokenRequest(AppError):
    """What gunicorn refuses before the application sees it."""

    status, code, message = 400, "broken_request", "The request is not proper HTTP."


def serve(settings: Settings, *, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way; ends with SystemExit.

    `on_ready` is called once, when connections are accepted. Raises: SettingsError, AddressInUse.
    """
    try:
        logs.configure(settings.log_level, settings.log_format, settings.log_file)
    except logs.LogFileRefused as error:
        raise SettingsError(str(error)) from None
    settings, made = with_secrets(settings)
    services_of(settings)
    _require_free(settings.host, settings.port)
    for secret in made:
        logger.warning(secret)
    if not settings.auth_required:
        logger.warning(OPEN_HOUSE)
    if not settings.auth_required and settings.host not in LOOPBACK:
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
            "worker_class": worker_for(self._settings.max_body_bytes),
            "workers": self._settings.workers,
            "threads": self._settings.threads,
            "timeout": 30,
            "graceful_timeout": 10,
            "keepalive": 15,
            "worker_connections": _connections(),
            "control_socket_disable": True,
            "worker_tmp_dir": str(SHARED_MEMORY) if os.access(SHARED_MEMORY, os.W_OK) else None,
            "logger_class": _Logger,
            "proc_name": "rollbook",
            "forwarded_allow_ips": "",
            "forwarder_headers": "",
            "when_ready": lambda _: self._on_ready(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Runs in each worker, after the fork: a connection must not be shared between processes."""
        services = services_of(self._settings)
        database = database_of(self._settings, services.prepare)
        database.keep_prepared(patience=PATIENCE_SECONDS)
        keep_doing("sweep", partial(_sweep, database, services), after=SETTLED_SECONDS, every=SWEEP_SECONDS)
        return create_app(self._settings, services, database)


def _sweep(database: Database, services: Services) -> None:
    database.require_ready()
    services.retention.sweep()


class _Logger(Logger):
    """gunicorn's messages through our own log, in its form, and without what they repeat of a request."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        if msg.startswith("Invalid request from"):
            return  # `_write_error` logs it: what gunicorn could not parse may hold a password.
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        if msg.startswith("Error handling request"):
            super().exception("error handling a request")  # Its arguments are the method and the path.
        else:
            super().exception(msg, *args, **kwargs)


def _write_error(sock: socket.socket, status_int: int, reason: str, mesg: str) -> None:  # noqa: ARG001 - gunicorn's names
    """In place of gunicorn's HTML page; what gunicorn has to say of the request repeats it, so it is left out.

    An unknown transfer coding (501 by RFC 9112 §6.1) is bad input like any other here: 400.
    """
    kinds: list[type[AppError]] = [RequestTimeout, UriTooLong, HeadersTooLarge, AppError]
    known = {kind.status: kind for kind in kinds}
    error = known.get(status_int, BrokenRequest)()
    request_id = uuid.uuid4().hex
    body = to_json(envelope.failure(error, request_id)) + b"\n"
    head = [f"HTTP/1.1 {error.status} {envelope.phrase(error.status)}", "Connection: close"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += [f"X-Request-ID: {request_id}", "Cache-Control: no-store", "X-Content-Type-Options: nosniff", "\r\n"]
    logger.info("broken request %d", error.status, extra={"request_id": request_id, "status": error.status})
    gunicorn.util.write_nonblock(sock, "\r\n".join(head).encode("ascii") + body)


def _connections() -> int:
    """For each worker; half of the descriptors that it may have are for other things."""
    return max(16, min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2))


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror:
            raise AddressInUse(f"HOST: {host} is not an address; 127.0.0.1 is this machine, 0.0.0.0 any.") from None
        except OSError as error:
            raise AddressInUse(
                f"Cannot listen on {host}:{port} ({error.strerror}): stop what uses it, or set PORT or HOST."
            ) from None
