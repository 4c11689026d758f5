"""Base classes of the Pydantic schemas: request bodies, query strings and responses."""

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from rollbook.kit.field_types import INT64_MAX, Decimal
from rollbook.kit.listing import Order, PageRequest, Position

M = TypeVar("M")


class In(BaseModel):
    """A request body. Strict: no coercion and no unknown field."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The query string. Texts become numbers and flags; an unknown parameter is refused.

    With `takes_extra`, `extra` has the parameters that only the settings know.
    """

    model_config = ConfigDict(extra="forbid")
    takes_extra: ClassVar[bool] = False
    _extra: dict[str, Any] = PrivateAttr(default_factory=dict)

    def add_extra(self, values: dict[str, Any]) -> None:
        self._extra = values


class CursorQuery(Query):
    """A page of a list without page numbers: the first page, or the one after a cursor."""

    page_size: Annotated[int, Field(ge=1, le=100), Decimal] = 20
    cursor: Annotated[
        str | None,
        Field(max_length=3000, description="`next_cursor` of the previous page, instead of `page`"),
    ] = None
    _after: Position | None = PrivateAttr(None)

    def continue_after(self, position: Position) -> None:
        """Set the position that `cursor` stands for, once it is decrypted."""
        self._after = position

    def to_page_request(self, order: Order) -> PageRequest:
        return PageRequest(None, self.page_size, order, self._after)


def drop_default(schema: dict[str, Any]) -> None:
    """Publish no default, for a field that is absent rather than null, or excludes another one."""
    schema.pop("default", None)


class PageQuery(CursorQuery):
    """A page of a list: by its number, or after a cursor."""

    page: Annotated[
        int,
        Field(
            ge=1,
            le=INT64_MAX,
            description="counts from 1, the default",
            json_schema_extra=drop_default,
        ),
        Decimal,
    ] = 1

    @model_validator(mode="after")
    def _refuse_page_with_cursor(self) -> Self:
        if self.cursor and "page" in self.model_fields_set:
            raise PydanticCustomError("either_or", "Send page or cursor, not both.")
        return self

    def to_page_request(self, order: Order) -> PageRequest:
        number = None if self._after else self.page
        return PageRequest(number, self.page_size, order, self._after)


def _publish_complete(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Publish which fields every response has: all that are not left out when they are null."""
    schema["additionalProperties"] = False
    schema["required"] = [
        name for name, field in model.model_fields.items() if field.exclude_if is None
    ]


class Out(BaseModel):
    """A response. An allow-list: a field that is not declared here cannot be sent."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra=_publish_complete)
    has_etag: ClassVar[bool] = False
    """Whether `version` changes with every change of the response. Then it is the ETag."""


def collect_declared(
    schema: type[BaseModel], kind: type[M], *, without: Collection[str] = (), hint: str
) -> dict[str, M]:
    """Collect what each field declares of `kind` with Annotated, by the name of the field.

    Fields in `without` need no declaration. Raises: TypeError, with `hint` about `{schema}` and
    `{name}`, for a field that lacks one.
    """
    collected = {}
    for name, field in schema.model_fields.items():
        if name in without:
            continue
        declared = [each for each in field.metadata if isinstance(each, kind)]
        if not declared:
            raise TypeError(hint.format(schema=schema.__name__, name=name))
        collected[name] = declared[0]
    return collected


def _publish_without_null(schema: dict[str, Any]) -> None:
    drop_default(schema)
    alternatives = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]
    if len(alternatives) == 1:
        schema.update({**alternatives[0], **schema})
    elif alternatives:
        schema["anyOf"] = alternatives


def absent_if_null(**options: Any) -> Any:
    """Declare a field of a response, `X | None`, that is left out when it is null.

    `options` are those of `Field`.
    """
    return Field(
        exclude_if=lambda value: value is None, json_schema_extra=_publish_without_null, **options
    )


def omittable() -> Any:
    """Declare a field of a change that may be absent, but not null.

    `model_fields_set` has the field if it was sent.
    """
    return Field(default_factory=lambda: None)
