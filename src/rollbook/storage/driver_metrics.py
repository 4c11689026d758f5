"""PyMongo listeners that measure commands and count connections."""

from functools import lru_cache

from prometheus_client import Histogram
from pymongo import monitoring

from rollbook.kit import metrics

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


class CommandMetrics(monitoring.CommandListener):
    """Measures each command. A `getMore` of a change stream waits for a change."""

    def started(self, event: monitoring.CommandStartedEvent) -> None: ...

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        _get_histogram(event.command_name).observe(event.duration_micros / MICROSECONDS)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        metrics.mongodb_command_failures().labels(_get_label(event.command_name)).inc()


class ConnectionMetrics(monitoring.ConnectionPoolListener):
    """Counts the connections that are open, and those in use."""

    def connection_created(self, _: monitoring.ConnectionCreatedEvent) -> None:
        metrics.mongodb_connections().inc()

    def connection_closed(self, _: monitoring.ConnectionClosedEvent) -> None:
        metrics.mongodb_connections().dec()

    def connection_checked_out(self, _: monitoring.ConnectionCheckedOutEvent) -> None:
        metrics.mongodb_connections_in_use().inc()

    def connection_checked_in(self, _: monitoring.ConnectionCheckedInEvent) -> None:
        metrics.mongodb_connections_in_use().dec()

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
    return metrics.mongodb_command_seconds().labels(_get_label(command))


def _get_label(command: str) -> str:
    return command if command in MEASURED else OTHER
