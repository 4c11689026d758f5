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


def once(create: Callable[[], M]) -> Callable[[], M]:
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


@once
def http_requests() -> Counter:
    return create_counter("http_requests", "Responses.", "method", "route", "status")


@once
def http_request_seconds() -> Histogram:
    text = "Time from a complete request to its response."
    return create_histogram(
        "http_request_seconds", text, "method", "route", buckets=REQUEST_BUCKETS
    )


@once
def http_requests_in_flight() -> Gauge:
    return create_gauge("http_requests_in_flight", "Requests that are being handled.")


@once
def http_requests_refused() -> Counter:
    text = "Requests that the server itself refused: broken, too slow, or too many."
    return create_counter("http_requests_refused", text, "code")


@once
def password_hashes_running() -> Gauge:
    return create_gauge("password_hashes_running", "Passwords that are being hashed.")


@once
def password_hashes_waiting() -> Gauge:
    return create_gauge("password_hashes_waiting", "Requests that wait to hash a password.")


@once
def password_hashes_refused() -> Counter:
    return create_counter("password_hashes_refused", "Requests refused: too many passwords.")


@once
def sign_ins() -> Counter:
    return create_counter("sign_ins", "Sign-ins: succeeded, or the error code.", "result")


@once
def limit_refusals() -> Counter:
    return create_counter("limit_refusals", "Requests refused by a limit.", "limit")


@once
def sessions_started() -> Counter:
    return create_counter("sessions_started", "Sessions started.")


@once
def sessions_ended() -> Counter:
    return create_counter("sessions_ended", "Sessions ended before they expired.")


@once
def database_ready() -> Gauge:
    text = "1 if MongoDB answers and its schema is verified, in all workers."
    return create_gauge("database_ready", text, mode="livemin")


@once
def transaction_retries() -> Counter:
    return create_counter("transaction_retries", "Transactions that ran again.")


@once
def leases_acquired() -> Counter:
    return create_counter("leases_acquired", "Leases that this server acquired.", "lease")


@once
def sweep_success_timestamp() -> Gauge:
    text = "When this server last corrected the tallies and purged deleted users."
    return create_gauge("sweep_success_timestamp_seconds", text, mode="max")


@once
def build_info() -> Gauge:
    text = "The versions of rollbook and Python."
    return create_gauge("build_info", text, "version", "python", mode="max")


@once
def workers() -> Gauge:
    return create_gauge("workers", "Worker processes.")


@once
def worker_resident_bytes() -> Gauge:
    return create_gauge("worker_resident_memory_bytes", "Memory of all workers.")


@once
def worker_open_files() -> Gauge:
    return create_gauge("worker_open_fds", "Open file descriptors of all workers.")


@once
def worker_cpu_seconds() -> Counter:
    return create_counter("worker_cpu_seconds", "CPU time of all workers.")


def create_counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(f"rollbook_{name}", text, labels, registry=_registry)


def create_gauge(name: str, text: str, *labels: str, mode: str = "livesum") -> Gauge:
    return Gauge(
        f"rollbook_{name}",
        text,
        labels,
        registry=_registry,
        multiprocess_mode=mode,  # type: ignore[arg-type] # one of the modes
    )


def create_histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"rollbook_{name}", text, labels, buckets=buckets, registry=_registry)
