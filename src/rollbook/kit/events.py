"""In-process events: how a feature tells the features above it that something happened."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Handlers = Mapping[type[Any], Callable[[Any], None]]
"""The class of an event → the function that handles it."""


class Events:
    """Calls every handler of an event, in the transaction of its publisher.

    A handler that raises aborts the transaction, so a change and its consequences commit together.
    """

    def __init__(self, handlers: Iterable[Handlers] = ()) -> None:
        self._handlers = [pair for mapping in handlers for pair in mapping.items()]

    def publish(self, event: object) -> None:
        """Publish an event inside the transaction of the change that it describes."""
        for kind, handle in self._handlers:
            if isinstance(event, kind):
                handle(event)
