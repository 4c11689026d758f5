"""What a feature package adds to rollbook. Each package declares its own in `feature.py`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollbook.kit.events import Handlers
from rollbook.web.endpoints import Api


def _register_nothing(api: Api, services: Any) -> None: ...


@dataclass(frozen=True)
class Feature:
    """`documents` are the classes of its collections.

    `register` adds its resources to the API; it gets `rollbook.services.Services`. `handlers`
    maps the events of features below to the functions that handle them.
    """

    documents: Sequence[type[Any]] = ()
    register: Callable[[Api, Any], None] = _register_nothing
    handlers: Handlers = field(default_factory=dict)
