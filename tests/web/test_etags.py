"""ETags in the forms that clients and proxies send back."""

import pytest
from flask import Request
from werkzeug.http import parse_etags

from rollbook.kit.errors import StaleVersion
from rollbook.kit.preconditions import ANY
from rollbook.web.etags import parse_if_match, parse_versions, render_etag


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        ('"7"', {7}),
        ('"7", "9"', {7, 9}),
        ('"7:zstd"', {7}),
        ('"7:br", "8;gzip"', {7, 8}),
        ('"7-gzip"', {7}),
        ('W/"7"', {7}),
        ('W/"7-gzip"', {7}),
        ("7", {7}),
        ('"x"', set()),
        ('"7:other"', set()),
        ('"-7"', set()),
        ('"7.0"', set()),
        ('"' + "9" * 5000 + '"', set()),
        ('"٧"', set()),
        ('""', set()),
        ("", set()),
    ],
)
def test_version_is_parsed_from_any_form_of_its_etag(header, versions):
    assert parse_versions(parse_etags(header)) == versions


def parse_header(header):
    """The precondition of a request with this If-Match header."""
    return parse_if_match(Request({"HTTP_IF_MATCH": header}), required=False)


def test_missing_or_star_if_match_accepts_any_version():
    ANY.check(7)
    parse_header("*").check(7)


def test_other_version_or_invalid_etag_is_stale():
    parse_header(render_etag(7)).check(7)
    for header in (render_etag(6), '"x"', render_etag(70)):
        with pytest.raises(StaleVersion):
            parse_header(header).check(7)
