"""The log: one line for each event, as text or as JSON. Both carry the request id."""

import json
import logging
import sys
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Literal

from flask import g, has_request_context

CALLER_FIELDS = ("user", "session", "client", "trace_id")
FIELDS = ("request_id", "method", "route", "status", "milliseconds", "ip", *CALLER_FIELDS)
"""What a line about a request has, where it is known. `trace_id` is the one of `traceparent`."""


class LogFileRefused(Exception):
    """The message names the setting."""


def configure(level: str, form: Literal["text", "json"], file: Path | None = None) -> None:
    """Log to stderr, and to `file`, which may be rotated by renaming. Raises: LogFileRefused.

    PyMongo's debug log, which holds whole documents, stays off at every level.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if file:
        try:
            handlers.append(WatchedFileHandler(file, encoding="utf-8"))
        except OSError as error:
            raise LogFileRefused(
                f"LOG_FILE: {file} cannot be written ({error.strerror}). Set another file."
            ) from None
    for handler in handlers:
        handler.addFilter(_add_request_id)
        handler.setFormatter(_JsonFormatter() if form == "json" else _TextFormatter())
    logging.basicConfig(level=level, handlers=handlers, force=True)
    _leave_out_unused_parts()
    for name in ("pymongo", "flask-limiter"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _leave_out_unused_parts() -> None:
    """Skip what no line shows, as the logging HOWTO of Python recommends ("Optimization")."""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # documented, though its name is private


def _add_request_id(record: logging.LogRecord) -> bool:
    if not hasattr(record, "request_id"):
        record.request_id = g.get("request_id", "-") if has_request_context() else "-"
    return True


class _TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        line = "%(asctime)s %(levelname)-7s %(request_id)s %(message)s"
        super().__init__(line, "%Y-%m-%d %H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        line = f"{line} {record.milliseconds} ms" if hasattr(record, "milliseconds") else line
        line = f"{line} {record.ip}" if hasattr(record, "ip") else line
        known = vars(record)
        return " ".join(
            [line, *(f"{name}={known[name]}" for name in CALLER_FIELDS if name in known)]
        )


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        event = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        event |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event)
