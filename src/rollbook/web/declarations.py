"""What an endpoint accepts, returns and may raise: declared once, for the API and its document."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from rollbook.kit import json_patch
from rollbook.kit.errors import AppError
from rollbook.kit.json_patch import JsonPatch
from rollbook.kit.schemas import Query

FORM = "application/x-www-form-urlencoded"


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
class ExtraParameter:
    """A parameter that only the settings know. `parse` raises ValueError for a wrong value.

    Everyone may read the OpenAPI document, so one that is not `is_public` is left out.
    """

    parse: Callable[[str], Any]
    schema: dict[str, Any]
    is_public: bool


@dataclass(frozen=True)
class Declaration:
    """The arguments of `rollbook.web.endpoints.endpoint`, which `rollbook.openapi` publishes.

    `is_visible` decides, by the id of the item in a response, whether the caller may read it. If
    not, `data` is null. Without it, every caller who gets the response may read all of it.
    `accepted`: the message of a 202 without data, which stands for a method that returns None.
    `get_viewer` returns the context in which `returns` is validated, which may hide some fields.
    """

    operation: str
    message: str
    body: type[BaseModel] | None
    is_form: bool
    json_patch: type[JsonPatch] | None
    query: type[Query]
    returns: type[BaseModel] | None
    many: bool
    bare: bool
    status: int
    location: Callable[[Any], str] | None
    conditional: bool
    idempotent: bool
    body_optional: bool
    accepted: str | None
    is_visible: Callable[[str], bool] | None
    get_viewer: Callable[[], Any] | None
    errors: tuple[type[AppError], ...]

    def list_body_types(self, method: str) -> dict[str, type[BaseModel]]:
        """Map each media type that the body may have to its schema.

        PATCH also takes a merge patch (RFC 7396), which is what its JSON means anyway.
        """
        if self.body is None:
            return {}
        if self.is_form:
            return {FORM: self.body}
        types: dict[str, type[BaseModel]] = {"application/json": self.body}
        if method == "PATCH":
            types["application/merge-patch+json"] = self.body
        if self.json_patch:
            types[json_patch.MEDIA_TYPE] = self.json_patch
        return types

    @property
    def has_etag(self) -> bool:
        """Whether a successful response carries an ETag."""
        return not self.many and getattr(self.returns, "has_etag", False)
