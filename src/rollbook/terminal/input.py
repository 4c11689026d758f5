"""Turn the arguments of a command into validated schemas."""

import json
import sys
import types
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import click
from pydantic import BaseModel, ValidationError

from rollbook.kit.errors import ValidationFailed
from rollbook.kit.validation import render_details

S = TypeVar("S", bound=BaseModel)
Command = TypeVar("Command", bound=Callable[..., Any])


def validate(
    schema: type[S], sent: Mapping[str, Any], length_limits: Mapping[str, int] | None = None
) -> S:
    """Validate as a request is validated. Raises: ValidationFailed."""
    try:
        return schema.model_validate(dict(sent), context=length_limits, strict=False)
    except ValidationError as error:
        raise ValidationFailed(details=render_details(error)) from None


def read_password() -> str:
    """Read a password.

    It is never an argument: everyone on the machine can read the arguments of a process.
    """
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = sys.stdin.buffer.readline().decode("utf-8", "replace").rstrip("\r\n")
    if not password:
        raise click.ClickException("There is no password on standard input.")
    return password


def _parse_object(text: str) -> Any:
    """Parse `{"team": "blue"}`. An empty text clears the field."""
    try:
        return json.loads(text) if text else ""
    except ValueError:
        raise click.BadParameter("Write a JSON object, in quotes.") from None


def field_options(
    schema: type[BaseModel], *, without: Collection[str] = ()
) -> Callable[[Command], Command]:
    """Add an option for each field of `schema`, such as `--first-name TEXT`.

    The command gets the given ones by `collect_fields`.
    """

    def decorate(command: Command) -> Command:
        for name in reversed([each for each in schema.model_fields if each not in without]):
            field = schema.model_fields[name]
            flag = name.removeprefix("is_").replace("_", "-")
            names = f"--{flag}/--no-{flag}" if _is_bool(field.annotation) else f"--{flag}"
            is_object = _is_object(field.annotation)
            command = click.option(
                names,
                name,
                type=_parse_object if is_object else None,
                metavar="JSON" if is_object else None,
                default=None,
                help=field.description,
            )(command)
        return command

    return decorate


def collect_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the options that were given. An empty one clears the field."""
    given = {name: value for name, value in options.items() if value is not None}
    return {name: None if value == "" else value for name, value in given.items()}


def _is_bool(annotation: Any) -> bool:
    return _stands_for(annotation, bool)


def _is_object(annotation: Any) -> bool:
    return _stands_for(annotation, dict)


def _stands_for(annotation: Any, wanted: type) -> bool:
    """Return whether an annotation, such as `Annotated[bool, ...] | None`, stands for a type."""
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        return any(_stands_for(part, wanted) for part in get_args(annotation))
    return annotation is wanted or get_origin(annotation) is wanted
