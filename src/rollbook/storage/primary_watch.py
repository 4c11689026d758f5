"""A PyMongo listener that reports the loss of the primary."""

from collections.abc import Callable

from pymongo.monitoring import (
    TopologyClosedEvent,
    TopologyDescriptionChangedEvent,
    TopologyListener,
    TopologyOpenedEvent,
)


class PrimaryWatch(TopologyListener):
    """Calls `on_lost` whenever no primary is known any more."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost

    def opened(self, event: TopologyOpenedEvent) -> None: ...

    def closed(self, event: TopologyClosedEvent) -> None: ...

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        if not event.new_description.has_writable_server():
            self._on_lost()
