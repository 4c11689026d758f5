"""The errors that a client can get.

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

A feature subclasses one of these with a `code` of its own. Codes are part of the API: stable,
unique, and listed in docs/errors.md with the docstring of their class.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self


@dataclass(frozen=True)
class Detail:
    """A problem with one field: a dotted path into the request, or empty for all of it."""

    field: str
    code: str
    message: str


class AppError(Exception):
    """rollbook failed. The log has the details under the request id."""

    status: int = 500
    code: str = "internal_error"
    message: str = "Something went wrong on our side. Try again, or report the request id."
    details: Sequence[Detail] = ()
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, message: str | None = None, *, details: Sequence[Detail] | None = None
    ) -> None:
        self.message = message or self.message
        self.details = tuple(self.details if details is None else details)
        super().__init__(self.message)


INCOMPLETE_BODY = "The body ended before it was complete. Send the request again."


class BadRequest(AppError):
    """The body ended too early, or the request cannot be understood for another reason."""

    status, code, message = 400, "bad_request", "The request cannot be understood."


class MalformedJson(BadRequest):
    """The body is not JSON, or a name occurs twice in one object."""

    code, message = "malformed_json", "The body is not valid JSON."


class ValidationFailed(BadRequest):
    """A field or parameter is missing, unknown, repeated or invalid. `details` has the first 20."""

    code, message = "validation_failed", "The request is not valid. `details` says what to fix."


class Unauthenticated(AppError):
    """The operation needs a signed-in user."""

    status, code, message = 401, "unauthenticated", "Sign in first."
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="rollbook"'}


class Forbidden(AppError):
    """The caller lacks a permission, or the user is not their own account, existing or not."""

    status, code, message = 403, "forbidden", "You are not allowed to do this."
    is_audited = False
    """Set on an instance when its cause has an audit entry already."""


class NotFound(AppError):
    """Nothing has this URL."""

    status, code, message = 404, "not_found", "Nothing has this URL. /docs lists what there is."


class MethodNotAllowed(AppError):
    """The URL does not support the method. The Allow header lists those that it supports."""

    status, code = 405, "method_not_allowed"
    message = "This URL does not support the method. The Allow header lists those it supports."


class NotAcceptable(AppError):
    """The Accept header does not allow JSON."""

    status, code = 406, "not_acceptable"
    message = "Responses are application/json. Allow that in the Accept header."


class Conflict(AppError):
    """Another document has the same unique value."""

    status, code, message = 409, "conflict", "This conflicts with what is stored."


class StaleVersion(AppError):
    """If-Match names another version: the resource has changed since."""

    status, code = 412, "stale_version"
    message = "The resource has changed since you read it. Read it again, then retry."


class PayloadTooLarge(AppError):
    """The body is larger than MAX_BODY_BYTES."""

    status, code, message = 413, "payload_too_large", "The body is too large."


class RequestTimeout(AppError):
    """The request was not complete after 20 seconds."""

    status, code = 408, "request_timeout"
    message = "The request was not complete after 20 seconds. Send it again."


class BrokenRequest(AppError):
    """The server could not parse the request as HTTP."""

    status, code, message = 400, "broken_request", "The request is not valid HTTP."


class UriTooLong(AppError):
    """The request line is longer than 4094 bytes."""

    status, code, message = 414, "uri_too_long", "The request line is longer than 4094 bytes."


class UnsupportedMediaType(AppError):
    """The body has a media type or a charset that the operation does not take."""

    status, code = 415, "unsupported_media_type"
    message = "Send the body as Content-Type: application/json, in UTF-8."

    @classmethod
    def of(cls, media_types: Iterable[str], *, is_patch: bool) -> Self:
        """Build the error with the types that the operation takes.

        For PATCH they are in the header Accept-Patch too (RFC 5789 §2.2).
        """
        error = cls(f"Send the body as Content-Type: {' or '.join(media_types)}, in UTF-8.")
        if is_patch:
            error.headers = {"Accept-Patch": ", ".join(media_types)}
        return error


class PreconditionRequired(AppError):
    """REQUIRE_IF_MATCH=true, and the change has no If-Match header."""

    status, code = 428, "precondition_required"
    message = "Send If-Match with the ETag of what you read, so that no other change is lost."


class TooManyRequests(AppError):
    """A limit is exceeded. Retry-After, RateLimit and X-RateLimit-* say which and for how long."""

    status, code = 429, "too_many_requests"
    message = "Too many requests. Retry after the number of seconds in Retry-After."


class HeadersTooLarge(AppError):
    """There are too many header fields, or they are too long."""

    status, code = 431, "headers_too_large"
    message = "The header fields are too many or too long."


class Unavailable(AppError):
    """MongoDB does not answer, or is busy. Retry-After says when to try again."""

    status, code = 503, "unavailable"
    message = "The database does not answer, or is busy. Try again soon; /ready says more."
    headers: Mapping[str, str] = {"Retry-After": "2"}


class Overloaded(Unavailable):
    """More requests arrive than can be handled, so this one was refused after a short wait."""

    code, message = "overloaded", "Too many requests at once. Try again in a second."
    headers: Mapping[str, str] = {"Retry-After": "1"}


class NotReady(Unavailable):
    """`/ready` cannot confirm that requests are served. `details` says why."""

    code, message = "not_ready", "Not ready to serve requests."
