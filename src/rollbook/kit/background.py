"""Work that nobody asked for, done again and again beside the requests."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from rollbook.kit.errors import Unavailable

logger = logging.getLogger(__name__)


def keep_doing(name: str, work: Callable[[], Any], *, after: float, every: float) -> None:
    """In a thread that ends with the process: `after` so many seconds, and so many after the end of each time."""

    def run() -> None:
        pause = after
        while True:
            time.sleep(pause)
            pause = every
            try:
                work()
            except Unavailable:
                pass  # Said by whoever watches the database.
            except Exception:
                logger.exception("%s failed; it is tried again", name)

    threading.Thread(target=run, name=f"rollbook-{name}", daemon=True).start()
