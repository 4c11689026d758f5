"""PyMongo listeners that measure commands and count connections."""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram
from pymongo import monitoring

from rollbook.kit.metrics import create_counter, create_gauge, create_histogram, once

COMMAND_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3)
MICROSECONDS = 1_000_000
OTHER = "other"
MEASURED = frozenset(
    {
        "abortTransaction",
        "aggregate",
        "commitTransaction",
        "count",
        "delete",
        "distinct",
        "find",
        "findAndModify",
        "getMore",
        "hello",
        "insert",
        "listCollections",
        "listIndexes",
        "update",
    }
)


@once
def mongodb_command_seconds() -> Histogram:
    text = "Time of a command of MongoDB."
    return create_histogram("mongodb_command_seconds", text, "command", buckets=COMMAND_BUCKETS)


@once
def mongodb_command_failures() -> Counter:
    return create_counter("mongodb_command_failures", "Commands that failed.", "command")


@once
def mongodb_connections() -> Gauge:
    return create_gauge("mongodb_connections", "Open connections to MongoDB.")


@once
def mongodb_connections_in_use() -> Gauge:
    text = "Connections to MongoDB that wait for an answer."
    return create_gauge("mongodb_connections_in_use", text)


class CommandMetrics(monitoring.CommandListener):
    """Measures each command. A `getMore` of a change stream waits for a change."""

    def started(self, event: monitoring.CommandStartedEvent) -> None: ...

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        _get_histogram(event.command_name).observe(event.duration_micros / MICROSECONDS)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        mongodb_command_failures().labels(_get_label(event.command_name)).inc()


class ConnectionMetrics(monitoring.ConnectionPoolListener):
    """Counts the connections that are open, and those in use."""

    def connection_created(self, _: monitoring.ConnectionCreatedEvent) -> None:
        mongodb_connections().inc()

    def connection_closed(self, _: monitoring.ConnectionClosedEvent) -> None:
        mongodb_connections().dec()

    def connection_checked_out(self, _: monitoring.ConnectionCheckedOutEvent) -> None:
        mongodb_connections_in_use().inc()

    def connection_checked_in(self, _: monitoring.ConnectionCheckedInEvent) -> None:
        mongodb_connections_in_use().dec()

    def connection_ready(self, event: monitoring.ConnectionReadyEvent) -> None: ...

    def connection_check_out_started(
        self, event: monitoring.ConnectionCheckOutStartedEvent
    ) -> None: ...

    def connection_check_out_failed(
        self, event: monitoring.ConnectionCheckOutFailedEvent
    ) -> None: ...

    def pool_created(self, event: monitoring.PoolCreatedEvent) -> None: ...

    def pool_ready(self, event: monitoring.PoolReadyEvent) -> None: ...

    def pool_cleared(self, event: monitoring.PoolClearedEvent) -> None: ...

    def pool_closed(self, event: monitoring.PoolClosedEvent) -> None: ...


@lru_cache
def _get_histogram(command: str) -> Histogram:
    return mongodb_command_seconds().labels(_get_label(command))


def _get_label(command: str) -> str:
    return command if command in MEASURED else OTHER
