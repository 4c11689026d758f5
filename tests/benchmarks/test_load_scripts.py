"""What the comparison of `make bench` sends, and how it reads the result of wrk."""

import pytest

from benchmarks.comparison.loads import Load, build_script, quote_lua
from benchmarks.comparison.wrk import LoadFailed, Result, parse_result


def test_request_is_rendered_for_each_user():
    users = [{"id": "a", "etag": '"1"'}, {"id": "b", "etag": '"2"'}]
    headers = {"If-None-Match": "$etag"}
    first, second = Load("GET", "/users/$id", {"Cookie": "c"}, headers, users=users).render()
    assert (first.path, second.path) == ("/users/a", "/users/b")
    assert second.headers == {"If-None-Match": '"2"', "Cookie": "c"}


def test_number_stays_for_wrk_to_fill_in():
    (request,) = Load("POST", "/users", body='{"name": "New $NUMBER"}').render()
    assert request.body == '{"name": "New $NUMBER"}'
    assert request.headers["Content-Type"] == "application/json"


def test_only_requests_without_number_are_built_once():
    fixed = build_script(Load("GET", "/users"), 1)
    assert "if not true then return end" in fixed
    assert "if not false then return end" in build_script(Load("GET", "/users?$NUMBER"), 1)


def test_refreshes_start_with_the_tokens_of_the_sessions():
    load = Load("POST", "/refresh", body="$TOKEN", sign_in=lambda: ["one", "two"])
    assert '{ "one", "two" }, 1, 2' in build_script(load, 1)


def test_text_is_quoted_for_lua():
    assert quote_lua('a "b" \\') == '"a \\"b\\" \\\\"'
    for text in ("é", "\n"):
        with pytest.raises(ValueError, match="not printable ASCII"):
            quote_lua(text)


def test_result_of_wrk_is_in_seconds_and_milliseconds():
    line = '{"requests": 9, "microseconds": 3000000, "p50": 1500, "p99": 20000, "refused": 1'
    output = f'Running 3s test\nRESULT {line}, "broken": 2}}\n'
    assert parse_result(output) == Result(9, 3.0, 1.5, 20.0, refused=1, broken=2)


def test_output_without_result_fails():
    with pytest.raises(LoadFailed, match="unable to connect"):
        parse_result("unable to connect")
