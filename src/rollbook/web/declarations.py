"""What an endpoint accepts, returns and may raise: declared once, for the API and its document."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from rollbook.kit.errors import AppError
from rollbook.kit.schemas import In, Query


@dataclass(frozen=True)
class Reply:
    """What a resource method returns: an item, or a Page of items.

    `only` are the fields to send of each item of a list. `cache_control` replaces the default
    Cache-Control header.
    """

    data: Any
    only: Set[str] | None = None
    cache_control: str | None = None


@dataclass(frozen=True)
class PathParameter:
    """A variable part of a path. A resource declares its own in `path_parameters`."""

    description: str
    example: str


@dataclass(frozen=True)
class Declaration:
    """The arguments of `rollbook.web.endpoints.endpoint`, which `rollbook.openapi` publishes.

    `is_visible` decides, by the id of the item in a response, whether the caller may read it. If
    not, `data` is null. Without it, every caller who gets the response may read all of it.
    """

    operation: str
    message: str
    body: type[In] | None
    query: type[Query]
    returns: type[BaseModel] | None
    many: bool
    bare: bool
    status: int
    location: Callable[[Any], str] | None
    conditional: bool
    idempotent: bool
    body_optional: bool
    is_visible: Callable[[str], bool] | None
    errors: tuple[type[AppError], ...]

    @property
    def has_etag(self) -> bool:
        """Whether a successful response carries an ETag."""
        return not self.many and getattr(self.returns, "has_etag", False)
