"""ETags, and the preconditions that clients build on them (RFC 9110 §13)."""

import re

from flask import Request
from werkzeug.datastructures import ETags

from rollbook.kit.errors import PreconditionRequired
from rollbook.kit.preconditions import ANY, Expected

_ETAG = re.compile(r"([0-9]{1,18})(?:[:;-](?:gzip|deflate|br|zstd))?")


def render_etag(version: int) -> str:
    """Render a strong ETag: the version in quotes."""
    return f'"{version}"'


def parse_if_match(request: Request, *, required: bool) -> Expected:
    """Parse If-Match. An ETag that rollbook did not issue matches no version.

    Raises: PreconditionRequired.
    """
    if request.headers.get("If-Match", "").strip():
        etags = request.if_match
        return ANY if etags.star_tag else Expected(parse_versions(etags))
    if required:
        raise PreconditionRequired()
    return ANY


def find_current_etag(request: Request, version: int) -> str | None:
    """Return the ETag in If-None-Match that names the current version (RFC 9110 §13.1.2).

    The client may have it from a compressed response. A 304 has the same one (§15.4.5).
    """
    etags = request.if_none_match
    for tag in etags.as_set():
        if (match := _ETAG.fullmatch(tag or "")) and int(match[1]) == version:
            return f'"{tag}"'
    return render_etag(version) if etags.star_tag or version in parse_versions(etags) else None


def parse_versions(etags: ETags) -> frozenset[int]:
    """Parse the versions in `etags`, with or without the marks that compression adds.

    Compression turns `"7"` into `"7-gzip"`, `"7:zstd"` or `W/"7"`, and clients send that back. A
    version names a state of the resource, not its bytes, so a weak tag is as good as a strong one.
    """
    tags = etags.as_set(include_weak=True)
    return frozenset(int(match[1]) for tag in tags if (match := _ETAG.fullmatch(tag or "")))
