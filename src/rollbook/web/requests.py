"""From the bytes of a request to a validated schema, or to an error that says what to fix."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from flask import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_accept_header

from rollbook.kit.errors import (
    INCOMPLETE_BODY,
    BadRequest,
    Detail,
    MalformedJson,
    NotAcceptable,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)
from rollbook.kit.schemas import Query
from rollbook.kit.validation import (
    MAX_DETAILS,
    MAX_FIELD_LENGTH,
    render_details,
    render_unknown_field,
)
from rollbook.web.declarations import ExtraParameter

MAX_DRAINED_BYTES = 8 * 2**20
JSON, PROBLEM = MEDIA_TYPES = ("application/json", "application/problem+json")

B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=Query)

STOPPING = "rollbook.is_stopping"
"""In the environ: whether the server has been told to stop. Other servers do not set it."""


def find_media_type(accept: str | None) -> str | None:
    """Find the best of MEDIA_TYPES for an Accept header (RFC 9110 §12.5.1).

    The parameters of the header are ignored. Without the header the best one is JSON. None when the
    header accepts neither type.
    """
    if accept in (None, "*/*", JSON):
        return JSON
    parsed = parse_accept_header(accept, MIMEAccept)
    ranges = [(kind.partition(";")[0].strip(), q) for kind, q in parsed]
    return MIMEAccept(ranges).best_match(MEDIA_TYPES) if ranges else JSON


def require_acceptable(request: Request) -> None:
    """Require that the client accepts JSON. Raises: NotAcceptable."""
    if find_media_type(request.environ.get("HTTP_ACCEPT")) is None:
        raise NotAcceptable()


def has_body(request: Request) -> bool:
    """Return whether the header fields say that there is a body (RFC 9112 §6.3)."""
    length = request.environ.get("CONTENT_LENGTH")
    return length not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in request.environ


def read_json(request: Request, media_types: Collection[str]) -> bytes:
    """Read a body of one of these types. Raises: UnsupportedMediaType, PayloadTooLarge, BadRequest.

    JSON is UTF-8 (RFC 8259 §8.1), so no other charset is read.
    """
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if request.mimetype not in media_types or charset != "utf-8":
        raise UnsupportedMediaType.of(media_types, is_patch=request.method == "PATCH")
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
    except Exception as error:  # of another WSGI server: a broken chunk, a lost client.
        raise BadRequest(INCOMPLETE_BODY) from error
    if request.content_length is not None and len(raw) < request.content_length:
        raise BadRequest(INCOMPLETE_BODY)
    return raw


def parse_body(raw: bytes, schema: type[B], length_limits: Mapping[str, int]) -> B:
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


def parse_form(raw: bytes, schema: type[B], length_limits: Mapping[str, int]) -> B:
    """Validate a form (WHATWG URL §5.1). Raises: BadRequest, ValidationFailed."""
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_DETAILS)
    except ValueError:
        raise BadRequest("The body is no form in UTF-8, or has too many fields.") from None
    if len(dict(pairs)) < len(pairs):
        raise BadRequest("A name occurs twice in the form.")
    try:
        return schema.model_validate(dict(pairs), context=length_limits)
    except ValidationError as error:
        raise ValidationFailed(details=render_details(error)) from None


def parse_query(
    request: Request, schema: type[Q], extra: Mapping[str, ExtraParameter] = MappingProxyType({})
) -> Q:
    """Parse the query string. A blank parameter counts as absent.

    `extra` are the parameters that a query with `takes_extra` has too. Raises: ValidationFailed.
    """
    extra = extra if schema.takes_extra else {}
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        message = "Send this parameter once."
        details = [Detail(name[:MAX_FIELD_LENGTH], "repeated", message) for name in repeated]
        raise ValidationFailed(details=details)
    given = {
        name: value
        for name, value in request.args.items()
        if value or name not in schema.model_fields.keys() | extra.keys()
    }
    values = {name: _parse_extra(name, given.pop(name), extra) for name in extra if name in given}
    try:
        query = schema.model_validate(given)
    except ValidationError as error:
        raise ValidationFailed(details=render_details(error)) from None
    query.add_extra(values)
    return query


def _parse_extra(name: str, value: str, extra: Mapping[str, ExtraParameter]) -> Any:
    """Parse an extra parameter. Raises: ValidationFailed."""
    try:
        return extra[name].parse(value)
    except ValueError:
        message = f"Not of the type {extra[name].schema['type']}."
        raise ValidationFailed(details=[Detail(name, "wrong_type", message)]) from None


def _refuse_many_unknown_fields(raw: bytes, schema: type[BaseModel]) -> None:
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
