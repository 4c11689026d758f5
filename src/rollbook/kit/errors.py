"""What can go wrong and be told to a caller.

AppError                      500
├── BadRequest                400
│   ├── MalformedJson
│   └── ValidationFailed
├── Unauthenticated           401
├── Forbidden                 403
├── NotFound                  404
├── MethodNotAllowed          405
├── NotAcceptable             406
├── Conflict                  409
├── StaleVersion              412
├── PayloadTooLarge           413
├── UriTooLong                414
├── UnsupportedMediaType      415
├── PreconditionRequired      428
├── TooManyRequests           429
├── HeadersTooLarge           431
└── Unavailable               503
    └── NotReady

A room subclasses one of these with a `code` of its own. Codes are part of the API: stable, unique, and listed in
docs/errors.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Detail:
    """One fault of one field. `field` is a dotted path into the request; empty for the request as a whole."""

    field: str
    code: str
    message: str


class AppError(Exception):
    """An outcome that the caller should hear of. `status` is the HTTP status, `message` a sentence for people."""

    status: int = 500
    code: str = "internal_error"
    message: str = "Something went wrong on our side. The log has it under this request's id."
    details: Sequence[Detail] = ()
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, message: str | None = None, *, details: Sequence[Detail] | None = None) -> None:
        self.message = message or self.message
        self.details = tuple(self.details if details is None else details)
        super().__init__(self.message)


class BadRequest(AppError):
    status, code, message = 400, "bad_request", "The request cannot be understood."


class MalformedJson(BadRequest):
    code, message = "malformed_json", "The body is not valid JSON."


class ValidationFailed(BadRequest):
    code, message = "validation_failed", "Some of what was sent is not valid."


class Unauthenticated(AppError):
    status, code, message = 401, "unauthenticated", "Sign in first."
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="rollbook"'}


class Forbidden(AppError):
    """`is_on_record`: whoever raised it has written to the record why."""

    status, code, message = 403, "forbidden", "You may not do this."
    is_on_record = False


class NotFound(AppError):
    status, code, message = 404, "not_found", "There is nothing at this address; /docs shows what there is."


class MethodNotAllowed(AppError):
    status, code = 405, "method_not_allowed"
    message = "This address does not take that method; the Allow header names those it takes."


class NotAcceptable(AppError):
    status, code, message = 406, "not_acceptable", "Answers are application/json; let the Accept header allow that."


class Conflict(AppError):
    status, code, message = 409, "conflict", "This conflicts with what is there."


class StaleVersion(AppError):
    status, code = 412, "stale_version"
    message = "Someone changed this since you read it. Read it again, then retry."


class PayloadTooLarge(AppError):
    status, code, message = 413, "payload_too_large", "The body is larger than this service takes."


class UriTooLong(AppError):
    status, code, message = 414, "uri_too_long", "The request line is longer than 4094 bytes."


class UnsupportedMediaType(AppError):
    status, code, message = 415, "unsupported_media_type", "Send the body as Content-Type: application/json."


class PreconditionRequired(AppError):
    status, code = 428, "precondition_required"
    message = "Send If-Match with the ETag of what you read, so that nobody else's change is lost."


class TooManyRequests(AppError):
    status, code, message = (
        429,
        "too_many_requests",
        "Too many; Retry-After says in how many seconds to go on.",
    )


class HeadersTooLarge(AppError):
    status, code, message = 431, "headers_too_large", "The header fields are too many or too long."


class Unavailable(AppError):
    status, code = 503, "unavailable"
    message = "The service is busy, or its database does not answer. Try again soon; /ready says more."
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "2"}


class NotReady(Unavailable):
    code, message = "not_ready", "Not ready to serve."
