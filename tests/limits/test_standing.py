"""Who counts as one caller, and what is said of limits."""

import time

import pytest

from rollbook.limits.standing import Standing, counted_as, headers


@pytest.mark.parametrize(
    ("ip", "as_"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("no address", "unknown"),
        ("198.51.100.7, 203.0.113.1", "unknown"),
    ],
)
def test_what_counts_as_one_caller(ip, as_):
    assert counted_as(ip) == as_


def test_headers_tell_of_all_limits_and_of_the_nearest():
    now = time.time()
    told = headers([Standing("default", 30, 1, 29, now + 1), Standing("write", 100, 3600, 7, now + 1800)])
    assert told["RateLimit-Policy"] == '"default";q=30;w=1, "write";q=100;w=3600'
    assert told["RateLimit"] == '"default";r=29;t=1, "write";r=7;t=1800'
    assert (told["X-RateLimit-Limit"], told["X-RateLimit-Remaining"]) == ("100", "7")
    assert 1799 <= int(told["X-RateLimit-Reset"]) - now <= 1801


def test_two_limits_of_one_name_are_told_apart():
    told = headers([Standing("default", 30, 1, 29, 0), Standing("default", 500, 60, 499, 0)])
    assert told["RateLimit-Policy"] == '"default-1";q=30;w=1, "default-60";q=500;w=60'


def test_where_nothing_is_limited_nothing_is_said():
    assert headers([]) == {}
