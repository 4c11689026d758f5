"""From the bytes of a request to a validated schema, or a fault that says what to mend."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from flask import Request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from rollbook.kit.errors import (
    AppError,
    BadRequest,
    Detail,
    MalformedJson,
    NotAcceptable,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from rollbook.kit.schemas import In, Query

MOST_DETAILS = 20
LONGEST_FIELD = 100
PRODUCED = ("application/json", "application/problem+json")

I = TypeVar("I", bound=In)  # noqa: E741 - reads as the In it is
Q = TypeVar("Q", bound=Query)

_FAULTS = {
    "missing": ("missing", "This field is needed."),
    "extra_forbidden": ("unknown", "There is no such field here; leave it out."),
    "string_type": ("wrong_type", "Send a string."),
    "bool_type": ("wrong_type", "Send true or false."),
    "string_too_short": ("too_short", None),
    "string_too_long": ("too_long", None),
    "int_parsing": ("not_a_number", "Send a whole number."),
    "int_parsing_size": ("out_of_range", "Send a smaller number."),
    "greater_than_equal": ("out_of_range", None),
    "less_than_equal": ("out_of_range", None),
}
"""What Pydantic calls a fault → what we promise to call it, and our sentence where Pydantic's does not help."""


def refuse_unacceptable(request: Request) -> None:
    """Raises: NotAcceptable, when the Accept header has no room for JSON (RFC 9110 §12.5.1)."""
    if request.accept_mimetypes and not request.accept_mimetypes.best_match(PRODUCED):
        raise NotAcceptable()


def read_body(request: Request, schema: type[I], limits: Mapping[str, int]) -> I:
    """Validate the raw bytes: one parser, so that bad UTF-8, deep nesting and huge numbers end here too.

    Raises: UnsupportedMediaType, PayloadTooLarge (as an HTTPException), MalformedJson, ValidationFailed.
    """
    if not request.is_json:
        raise UnsupportedMediaType()
    raw = _bytes(request)
    try:
        body = schema.model_validate_json(raw, context=limits)
    except ValidationError as error:
        raise _told(error) from None
    _refuse_repeated_names(raw)
    return body


def read_query(request: Request, schema: type[Q]) -> Q:
    """A blank parameter counts as absent. Raises: ValidationFailed."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise ValidationFailed(
            details=[Detail(name[:LONGEST_FIELD], "repeated", "Give this parameter once.") for name in repeated]
        )
    given = {name: value for name, value in request.args.items() if value or name not in schema.model_fields}
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        raise _told(error) from None


def _bytes(request: Request) -> bytes:
    """Of a chunked body Werkzeug reads as much as is allowed and says nothing of the rest, so ask for one byte more."""
    try:
        raw = request.get_data(cache=False)
        if len(raw) == request.max_content_length and request.environ["wsgi.input"].read(1):
            raise PayloadTooLarge()
    except (HTTPException, AppError):
        raise
    except Exception as error:  # The server's own exceptions: a broken chunk, a client that went away.
        raise BadRequest("The body ended or broke before it was complete.") from error
    return raw


def _refuse_repeated_names(raw: bytes) -> None:
    """RFC 8259 §4 leaves the meaning of a repeated name open, so that two readers of one body may see two things."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise MalformedJson(
                "A name stands twice in one object.",
                details=[Detail(repeated[:LONGEST_FIELD], "repeated", "Send this once.")],
            )
        return dict(pairs)

    json.loads(raw, object_pairs_hook=once)


def _told(error: ValidationError) -> BadRequest:
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    if faults[0]["type"] == "json_invalid":
        return MalformedJson()
    return ValidationFailed(details=[_detail(fault) for fault in faults[:MOST_DETAILS]])


def _detail(fault: Any) -> Detail:
    code, message = _FAULTS.get(fault["type"], (fault["type"], None))
    field = ".".join(map(str, fault["loc"]))
    return Detail(field[:LONGEST_FIELD], code, message or fault["msg"])
