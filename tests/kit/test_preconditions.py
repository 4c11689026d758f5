"""ETags, as they come back from clients and proxies."""

import pytest
from werkzeug.http import parse_etags

from rollbook.kit.errors import StaleVersion
from rollbook.kit.preconditions import ANY, etag, expected, versions


@pytest.mark.parametrize(
    ("header", "found"),
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
def test_a_version_is_found_whatever_became_of_its_tag(header, found):
    assert versions(parse_etags(header)) == found


def test_any_version_is_expected_without_a_tag_or_with_a_star():
    ANY.check(7)
    expected(parse_etags("*")).check(7)


def test_another_version_is_stale_and_what_is_no_tag_matches_nothing():
    expected(parse_etags(etag(7))).check(7)
    for header in (etag(6), '"x"', etag(70)):
        with pytest.raises(StaleVersion):
            expected(parse_etags(header)).check(7)
