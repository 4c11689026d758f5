"""Print results: as a table for people, or as JSON in the form of the API."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from pydantic import BaseModel
from pydantic_core import to_json

from rollbook.kit.listing import Page, Row
from rollbook.kit.schemas import CursorQuery

Q = TypeVar("Q", bound=CursorQuery)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API does.")


@dataclass(frozen=True)
class Column:
    """A column of a table. `get` takes an item; `width` is its usual width in characters."""

    title: str
    get: Callable[[Any], object]
    width: int = 0


def read_pages(query: Q, read: Callable[[Q], Page[Row]]) -> Iterator[Row]:
    """Give the items of all pages of a list."""
    while True:
        page = read(query)
        yield from page.items
        if page.end is None:
            return
        query.continue_after(page.end)


def print_list(
    items: Iterable[Any],
    schema: type[BaseModel],
    columns: Sequence[Column],
    *,
    as_json: bool,
    viewer: Any = None,
) -> None:
    """Print items while they are read, so that a long list takes no memory.

    A value that is wider than its column moves the rest of its line. The last column has no width.
    `viewer` is the context in which `schema` is validated.
    """
    validated = (schema.model_validate(item, context=viewer) for item in items)
    if as_json:
        _print_json_list(validated)
        return
    click.echo(_render_line([column.title for column in columns], columns))
    for item in validated:
        click.echo(_render_line([_render(column.get(item)) for column in columns], columns))


def print_item(item: Any, schema: type[BaseModel], *, as_json: bool, viewer: Any = None) -> None:
    """Print the fields of an item, one on each line. `viewer`: as `print_list`."""
    validated = schema.model_validate(item, context=viewer)
    if as_json:
        click.echo(to_json(validated, indent=2))
        return
    fields = validated.model_dump(mode="json")
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {_render(value)}".rstrip())


def render_time(time: datetime | None) -> str | None:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if time else None


def _print_json_list(items: Iterable[BaseModel]) -> None:
    separator = "["
    for item in items:
        click.echo(separator.encode() + to_json(item), nl=False)
        separator = ",\n"
    click.echo("[]" if separator == "[" else "]")


def _render_line(values: Sequence[str], columns: Sequence[Column]) -> str:
    cells = zip(values, columns, strict=True)
    return "  ".join(f"{value:<{column.width}}" for value, column in cells).rstrip()


def _render(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return to_json(value).decode()
    return "-" if value is None else str(value)
