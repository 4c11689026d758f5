"""Work that a process repeats in the background."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from rollbook.kit.errors import Unavailable

logger = logging.getLogger(__name__)


def run_periodically(name: str, work: Callable[[], Any], *, delay: float, interval: float) -> None:
    """Repeat `work` in a daemon thread.

    It runs first after `delay` seconds, then `interval` seconds after each end.
    """

    def run() -> None:
        time.sleep(delay)
        while True:
            try:
                work()
            except Unavailable:
                pass  # `rollbook.storage.database` logs that MongoDB is away.
            except Exception:
                logger.exception("%s failed; it will be retried", name)
            time.sleep(interval)

    threading.Thread(target=run, name=f"rollbook-{name}", daemon=True).start()
