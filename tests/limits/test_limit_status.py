"""Client keys and the RateLimit headers."""

import time

import pytest

from rollbook.limits.limit_status import LimitStatus, get_client_key, render_headers


@pytest.mark.parametrize(
    ("ip", "key"),
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
def test_client_key_is_an_ipv4_address_or_ipv6_network(ip, key):
    assert get_client_key(ip) == key


def test_headers_show_all_limits_and_the_nearest_one():
    now = time.time()
    headers = render_headers(
        [LimitStatus("default", 30, 1, 29, now + 1), LimitStatus("write", 100, 3600, 7, now + 1800)]
    )
    assert headers["RateLimit-Policy"] == '"default";q=30;w=1, "write";q=100;w=3600'
    assert headers["RateLimit"] == '"default";r=29;t=1, "write";r=7;t=1800'
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("100", "7")
    assert 1799 <= int(headers["X-RateLimit-Reset"]) - now <= 1801


def test_limits_that_share_a_name_get_distinct_names():
    headers = render_headers(
        [LimitStatus("default", 30, 1, 29, 0), LimitStatus("default", 500, 60, 499, 0)]
    )
    assert headers["RateLimit-Policy"] == '"default-1";q=30;w=1, "default-60";q=500;w=60'


def test_no_limits_render_no_headers():
    assert render_headers([]) == {}
