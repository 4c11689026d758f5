"""What an endpoint takes, gives and may raise: said once, for the answers and for the published API."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from rollbook.kit.errors import AppError
from rollbook.kit.schemas import In, Query


@dataclass(frozen=True)
class Reply:
    """What a resource method gives back: the thing, or a Page of them.

    `only`: of a list's fields those that are told; `cache_control`: who may keep the answer.
    """

    data: Any
    only: Set[str] | None = None
    cache_control: str | None = None


@dataclass(frozen=True)
class PathParameter:
    """What stands for a part of a resource's path; a resource names them in `path_parameters`."""

    description: str
    example: str


@dataclass(frozen=True)
class Declaration:
    """See `rollbook.kit.http.endpoint`. `rollbook.openapi` publishes the same.

    `shows` is told the id of the thing in an answer, and whether the caller may see it is the answer; where not, `data`
    is null. None: whoever gets an answer may see all of it.
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
    repeatable: bool
    body_optional: bool
    shows: Callable[[str], bool] | None
    errors: tuple[type[AppError], ...]

    @property
    def versioned(self) -> bool:
        """Does the answer carry an ETag?"""
        return not self.many and getattr(self.returns, "tagged", False)
