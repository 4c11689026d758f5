"""What rollbook counts and measures, for Prometheus (`GET /metrics`).

A metric is created when it is used first: in a worker, after the fork. Labels have few values: a
route is its pattern, and nothing that a client chooses is a label.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from rollbook.kit.errors import AppError

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client keeps the values of several processes."""
REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
COMMAND_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3)
SUCCEEDED = "succeeded"

M = TypeVar("M", Counter, Gauge, Histogram)
_all: list[Callable[[], Any]] = []
_created: dict[Callable[[], Any], Any] = {}
_creating = threading.Lock()
_registry = CollectorRegistry()
_process = 0
"""The number of this process."""


def share_between_processes(folder: Path) -> None:
    """Keep all values in `folder`, so that any process can render them.

    Call it before a fork. What this process has counted until then is dropped.
    """
    global _registry
    os.environ[FOLDER_VARIABLE] = str(folder)
    values.ValueClass = values.MultiProcessValue(lambda: _process)  # type: ignore[no-untyped-call]
    _created.clear()
    _registry = CollectorRegistry()


def set_process(number: int) -> None:
    """Give this process a number of its own. It goes on with the counts of the last one with it."""
    global _process
    _process = number


def forget_process(number: int) -> None:
    """Drop the gauges of a process that has ended. What it has counted stays."""
    if FOLDER_VARIABLE in os.environ:
        mark_process_dead(number)  # type: ignore[no-untyped-call]


def render() -> bytes:
    """Render the metrics of all processes, in Prometheus' text format 0.0.4."""
    if FOLDER_VARIABLE not in os.environ:
        return generate_latest(_registry)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _once(create: Callable[[], M]) -> Callable[[], M]:
    """Create a metric at its first use."""

    @wraps(create)
    def get() -> M:
        metric: M | None = _created.get(create)
        if metric is None:
            with _creating:
                metric = _created.get(create) or _created.setdefault(create, create())
        return metric

    _all.append(get)
    return get


def create_all() -> list[Any]:
    """Create all metrics, so that those without labels are shown before their first event."""
    return [get() for get in _all]


@contextmanager
def count_result(counter: Counter) -> Iterator[None]:
    """Count how the block ends: SUCCEEDED, or the code of its AppError."""
    try:
        yield
    except AppError as error:
        counter.labels(error.code).inc()
        raise
    counter.labels(SUCCEEDED).inc()


@_once
def http_requests() -> Counter:
    return _create_counter("http_requests", "Responses.", "method", "route", "status")


@_once
def http_request_seconds() -> Histogram:
    return Histogram(
        "rollbook_http_request_seconds",
        "Time from a complete request to its response.",
        ["method", "route"],
        buckets=REQUEST_BUCKETS,
        registry=_registry,
    )


@_once
def http_requests_in_flight() -> Gauge:
    return _create_gauge("http_requests_in_flight", "Requests that are being handled.")


@_once
def http_requests_refused() -> Counter:
    text = "Requests that the server itself refused: broken, too slow, or too many."
    return _create_counter("http_requests_refused", text, "code")


@_once
def password_hashes_running() -> Gauge:
    return _create_gauge("password_hashes_running", "Passwords that are being hashed.")


@_once
def password_hashes_waiting() -> Gauge:
    return _create_gauge("password_hashes_waiting", "Requests that wait to hash a password.")


@_once
def password_hashes_refused() -> Counter:
    return _create_counter("password_hashes_refused", "Requests refused: too many passwords.")


@_once
def sign_ins() -> Counter:
    return _create_counter("sign_ins", "Sign-ins: succeeded, or the error code.", "result")


@_once
def limit_refusals() -> Counter:
    return _create_counter("limit_refusals", "Requests refused by a limit.", "limit")


@_once
def sessions_started() -> Counter:
    return _create_counter("sessions_started", "Sessions started.")


@_once
def sessions_ended() -> Counter:
    return _create_counter("sessions_ended", "Sessions ended before they expired.")


@_once
def database_ready() -> Gauge:
    text = "1 if MongoDB answers and its schema is verified, in all workers."
    return _create_gauge("database_ready", text, mode="livemin")


@_once
def mongodb_command_seconds() -> Histogram:
    return Histogram(
        "rollbook_mongodb_command_seconds",
        "Time of a command of MongoDB.",
        ["command"],
        buckets=COMMAND_BUCKETS,
        registry=_registry,
    )


@_once
def mongodb_command_failures() -> Counter:
    return _create_counter("mongodb_command_failures", "Commands that failed.", "command")


@_once
def mongodb_connections() -> Gauge:
    return _create_gauge("mongodb_connections", "Open connections to MongoDB.")


@_once
def transaction_retries() -> Counter:
    return _create_counter("transaction_retries", "Transactions that ran again.")


@_once
def leases_acquired() -> Counter:
    return _create_counter("leases_acquired", "Leases that this server acquired.", "lease")


@_once
def sweep_success_timestamp() -> Gauge:
    text = "When this server last corrected the tallies and purged deleted users."
    return _create_gauge("sweep_success_timestamp_seconds", text, mode="max")


@_once
def mail_messages() -> Counter:
    text = "Messages: sent, deferred, failed or dropped."
    return _create_counter("mail_messages", text, "kind", "result")


@_once
def mail_oldest_due_seconds() -> Gauge:
    text = "How long the message that waits for the longest time is overdue."
    return _create_gauge("mail_oldest_due_seconds", text, mode="livemax")


@_once
def build_info() -> Gauge:
    text = "The versions of rollbook and Python."
    return _create_gauge("build_info", text, "version", "python", mode="max")


@_once
def workers() -> Gauge:
    return _create_gauge("workers", "Worker processes.")


@_once
def worker_resident_bytes() -> Gauge:
    return _create_gauge("worker_resident_memory_bytes", "Memory of all workers.")


@_once
def worker_open_files() -> Gauge:
    return _create_gauge("worker_open_fds", "Open file descriptors of all workers.")


@_once
def worker_cpu_seconds() -> Counter:
    return _create_counter("worker_cpu_seconds", "CPU time of all workers.")


def _create_counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"rollbook_{name}", text, labels, registry=_registry)


def _create_gauge(name: str, text: str, *labels: str, mode: str = "livesum") -> Gauge:
    return Gauge(
        f"rollbook_{name}",
        text,
        labels,
        registry=_registry,
        multiprocess_mode=mode,  # type: ignore[arg-type] # one of the modes
    )
