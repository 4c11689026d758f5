"""The metrics of the process itself: memory, CPU time, open files."""

import platform

from prometheus_client import ProcessCollector

from rollbook import __version__
from rollbook.kit import metrics
from rollbook.kit.background import run_periodically
from rollbook.kit.errors import Overloaded

PROCESS_SECONDS = 5
"""How often a worker measures its memory and its CPU time."""


def measure_process() -> None:
    """Measure this process from now on. Call it after a fork."""
    metrics.create_all()
    metrics.http_requests_refused().labels(Overloaded.code)  # An alert asks how fast it grows.
    python = platform.python_version()
    metrics.build_info().labels(__version__, python).set(1)
    metrics.workers().set(1)
    process = _ProcessMetrics()
    process.update()
    run_periodically(
        "process metrics", process.update, delay=PROCESS_SECONDS, interval=PROCESS_SECONDS
    )


class _ProcessMetrics:
    def __init__(self) -> None:
        self._collector = ProcessCollector(registry=None)
        self._cpu_seconds = 0.0

    def update(self) -> None:
        """Store what /proc says. Other systems than Linux have no /proc, and these metrics."""
        values = {metric.name: metric.samples[0].value for metric in self._collector.collect()}
        if not values:
            return
        metrics.worker_resident_bytes().set(values["process_resident_memory_bytes"])
        metrics.worker_open_files().set(values["process_open_fds"])
        cpu_seconds = values["process_cpu_seconds"]
        metrics.worker_cpu_seconds().inc(max(0.0, cpu_seconds - self._cpu_seconds))
        self._cpu_seconds = cpu_seconds
