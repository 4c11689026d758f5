"""Being told when MongoDB's primary is lost."""

from collections.abc import Callable

from pymongo.monitoring import (
    TopologyClosedEvent,
    TopologyDescriptionChangedEvent,
    TopologyListener,
    TopologyOpenedEvent,
)


class PrimaryWatch(TopologyListener):
    """Calls `lost` whenever no primary is known any more."""

    def __init__(self, lost: Callable[[], None]) -> None:
        self._call = lost

    def opened(self, event: TopologyOpenedEvent) -> None: ...

    def closed(self, event: TopologyClosedEvent) -> None: ...

    def description_changed(self, event: TopologyDescriptionChangedEvent) -> None:
        if not event.new_description.has_writable_server():
            self._call()
