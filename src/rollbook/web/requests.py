"""From the bytes of a request to a validated schema, or to an error that says what to fix."""

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
from rollbook.kit.schemas import In, Query
from rollbook.kit.validation import (
    MAX_DETAILS,
    MAX_FIELD_LENGTH,
    render_details,
    render_unknown_field,
)

MAX_DRAINED_BYTES = 8 * 2**20
INCOMPLETE_BODY = "The body ended before it was complete. Send the request again."
MEDIA_TYPES = ("application/json", "application/problem+json")

I = TypeVar("I", bound=In)  # noqa: E741 - stands for In
Q = TypeVar("Q", bound=Query)


def find_preferred_type(request: Request) -> str | None:
    """Find the best of MEDIA_TYPES for the Accept header (RFC 9110 §12.5.1).

    The parameters of the header are ignored. Without the header the best one is JSON. None when the
    header accepts neither type.
    """
    ranges = [(kind.partition(";")[0].strip(), q) for kind, q in request.accept_mimetypes]
    return MIMEAccept(ranges).best_match(MEDIA_TYPES) if ranges else MEDIA_TYPES[0]


def require_acceptable(request: Request) -> None:
    """Require that the client accepts JSON. Raises: NotAcceptable."""
    if find_preferred_type(request) is None:
        raise NotAcceptable()


def has_body(request: Request) -> bool:
    """Return whether the header fields say that there is a body (RFC 9112 §6.3)."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def read_json(request: Request) -> bytes:
    """Read a JSON body. Raises: UnsupportedMediaType, PayloadTooLarge, BadRequest."""
    if not request.is_json:
        raise UnsupportedMediaType()
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("Send the body without a Content-Encoding.")
    return read_bytes(request)


def read_bytes(request: Request) -> bytes:
    """Read the whole body. Raises: PayloadTooLarge, BadRequest.

    Werkzeug reads a chunked body up to the limit and silently drops the rest. Reading one more
    byte shows whether there is a rest.
    """
    stream = request.environ["wsgi.input"]
    try:
        raw = request.get_data(cache=False)
        if len(raw) == request.max_content_length and stream.read(1):
            raise RequestEntityTooLarge()
    except RequestEntityTooLarge:
        _drain(stream)
        raise PayloadTooLarge() from None
    except Exception as error:  # gunicorn's own: a broken chunk, a time-out, a lost client.
        raise BadRequest(INCOMPLETE_BODY) from error
    if request.content_length is not None and len(raw) < request.content_length:
        raise BadRequest(INCOMPLETE_BODY)
    return raw


def parse_body(raw: bytes, schema: type[I], length_limits: Mapping[str, int]) -> I:
    """Validate the raw bytes.

    Pydantic's own JSON parser refuses bad UTF-8, deep nesting and huge numbers.

    Raises: MalformedJson, ValidationFailed.
    """
    _refuse_many_unknown_fields(raw, schema)
    try:
        body = schema.model_validate_json(raw, context=length_limits)
    except ValidationError as error:
        raise ValidationFailed(details=render_details(error)) from None
    _refuse_repeated_fields(raw)
    return body


def parse_query(request: Request, schema: type[Q]) -> Q:
    """Parse the query string. A blank parameter counts as absent. Raises: ValidationFailed."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        message = "Send this parameter once."
        details = [Detail(name[:MAX_FIELD_LENGTH], "repeated", message) for name in repeated]
        raise ValidationFailed(details=details)
    given = {
        name: value
        for name, value in request.args.items()
        if value or name not in schema.model_fields
    }
    try:
        return schema.model_validate(given)
    except ValidationError as error:
        raise ValidationFailed(details=render_details(error)) from None


def _refuse_many_unknown_fields(raw: bytes, schema: type[In]) -> None:
    """Refuse many unknown fields.

    Pydantic would describe every one of them, which takes ten times as long as this check.
    """
    try:
        sent = from_json(raw)
    except ValueError:
        raise MalformedJson() from None
    if isinstance(sent, dict):
        unknown = [name for name in sent if name not in schema.model_fields]
        if len(unknown) > MAX_DETAILS:
            details = [render_unknown_field(name) for name in unknown[:MAX_DETAILS]]
            raise ValidationFailed(details=details)


def _drain(stream: Any) -> None:
    """Read the rest of the body and drop it.

    Most clients read no response before they have sent the whole body. A connection that is closed
    while they send looks like a crash to them.
    """
    drained = 0
    with suppress(Exception):
        while drained < MAX_DRAINED_BYTES and (part := stream.read(65_536)):
            drained += len(part)


def _refuse_repeated_fields(raw: bytes) -> None:
    """Refuse a name that repeats in an object.

    RFC 8259 §4 leaves open what a repeated name means, so two parsers may see two bodies.
    """
    json.loads(raw, object_pairs_hook=_build_object)


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        repeated = next(name for name in names if names.count(name) > 1)
        raise MalformedJson(
            "A name occurs twice in one object.",
            details=[Detail(repeated[:MAX_FIELD_LENGTH], "repeated", "Send this field once.")],
        )
    return dict(pairs)
