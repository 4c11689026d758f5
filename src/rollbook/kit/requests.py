"""From the bytes of a request to a validated schema, or a fault that says what to mend."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

from flask import Request
from pydantic import ValidationError
from pydantic_core import from_json
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import RequestEntityTooLarge

from rollbook.kit.errors import (
    BadRequest,
    Detail,
    MalformedJson,
    NotAcceptable,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from rollbook.kit.schemas import MOST_DETAILS, In, Query

LONGEST_FIELD = 100
MOST_DRAINED = 8 * 2**20
BROKEN_OFF = "The body ended or broke before it was complete."
PRODUCED = ("application/json", "application/problem+json")

I = TypeVar("I", bound=In)  # noqa: E741 - reads as the In it is
Q = TypeVar("Q", bound=Query)

_FAULTS = {
    "missing": ("missing", "This field is needed."),
    "extra_forbidden": ("unknown", "This field cannot be sent here; leave it out."),
    "model_type": ("wrong_type", "Send a JSON object."),
    "string_type": ("wrong_type", "Send a string."),
    "bool_type": ("wrong_type", "Send true or false."),
    "string_too_short": ("too_short", "At least {min_length} characters."),
    "string_too_long": ("too_long", "At most {max_length} characters."),
    "too_long": ("too_long", "At most {max_length} of them."),
    "list_type": ("wrong_type", "Send a list."),
    "enum": ("not_one_of", "One of {expected}."),
    "int_parsing": ("not_a_number", "Send a whole number."),
    "int_parsing_size": ("out_of_range", "Send a smaller number."),
    "greater_than_equal": ("out_of_range", "At least {ge}."),
    "less_than_equal": ("out_of_range", "At most {le}."),
}
"""What Pydantic calls a fault → what we promise to call it, and a sentence, filled in from the fault's context."""


def preferred_type(request: Request) -> str | None:
    """Of PRODUCED, what the Accept header likes best, whatever its parameters; None when it has no room for either.

    RFC 9110 §12.5.1; without the header anything goes.
    """
    ranges = [(kind.partition(";")[0].strip(), quality) for kind, quality in request.accept_mimetypes]
    return MIMEAccept(ranges).best_match(PRODUCED) if ranges else PRODUCED[0]


def refuse_unacceptable(request: Request) -> None:
    """Raises: NotAcceptable, when the Accept header has no room for JSON."""
    if preferred_type(request) is None:
        raise NotAcceptable()


def has_body(request: Request) -> bool:
    """RFC 9112 §6.3: a request has a body when its header says so."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def read_json(request: Request) -> bytes:
    """Raises: UnsupportedMediaType, PayloadTooLarge, BadRequest."""
    if not request.is_json:
        raise UnsupportedMediaType()
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body as it is, without a Content-Encoding.")
    return read_bytes(request)


def read_bytes(request: Request) -> bytes:
    """The whole body, whatever it is. Raises: PayloadTooLarge, BadRequest.

    Of a chunked body Werkzeug reads as much as is allowed and says nothing of the rest, so ask for one byte more.
    """
    stream = request.environ["wsgi.input"]
    try:
        raw = request.get_data(cache=False)
        if len(raw) == request.max_content_length and stream.read(1):
            raise RequestEntityTooLarge()
    except RequestEntityTooLarge:
        _drain(stream)
        raise PayloadTooLarge() from None
    except Exception as error:  # The server's own exceptions: a broken chunk, a time-out, a client that went away.
        raise BadRequest(BROKEN_OFF) from error
    if request.content_length is not None and len(raw) < request.content_length:
        raise BadRequest(BROKEN_OFF)
    return raw


def parse_body(raw: bytes, schema: type[I], limits: Mapping[str, int]) -> I:
    """Validate the raw bytes: one parser, so that bad UTF-8, deep nesting and huge numbers end here too.

    Raises: MalformedJson, ValidationFailed.
    """
    _refuse_many_unknown(raw, schema)
    try:
        body = schema.model_validate_json(raw, context=limits)
    except ValidationError as error:
        raise _told(error) from None
    _refuse_repeated_names(raw)
    return body


def _refuse_many_unknown(raw: bytes, schema: type[In]) -> None:
    """Of more unknown names than are told, Pydantic would describe every single one, which takes 10 times as long."""
    try:
        sent = from_json(raw)
    except ValueError:
        raise MalformedJson() from None
    if isinstance(sent, dict):
        unknown = [name for name in sent if name not in schema.model_fields]
        if len(unknown) > MOST_DETAILS:
            code, sentence = _FAULTS["extra_forbidden"]
            told = [Detail(name[:LONGEST_FIELD], code, sentence) for name in unknown[:MOST_DETAILS]]
            raise ValidationFailed(details=told)


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


def _drain(stream: Any) -> None:
    """Most clients read no answer before they have sent all; what is closed on them meanwhile looks like a crash."""
    drained = 0
    with suppress(Exception):
        while drained < MOST_DRAINED and (part := stream.read(65_536)):
            drained += len(part)


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
    return ValidationFailed(details=details_of(error))


def details_of(error: ValidationError) -> list[Detail]:
    """In words of ours; the first MOST_DETAILS."""
    faults = error.errors(include_input=False, include_url=False)
    return [_detail(fault) for fault in faults[:MOST_DETAILS]]


def _detail(fault: Any) -> Detail:
    field = ".".join(map(str, fault["loc"]))[:LONGEST_FIELD]
    told = fault.get("ctx", {})
    kind = fault["type"]
    if kind in ("too_short", "too_long") and told["field_type"] != "List":
        kind = f"string_{kind}"  # A SecretStr.
    if kind not in _FAULTS:
        return Detail(field, kind, fault["msg"])
    code, sentence = _FAULTS[kind]
    return Detail(field, code, sentence.format_map(told))
