"""The envelope, the headers and problem+json in every response."""

import json
import logging

import pytest

from rollbook.ops import logs
from tests.conftest import ADA, PASSWORD

ERRORS = [
    ("get", "/nowhere", {}, 404, "not_found"),
    ("get", "/", {}, 404, "not_found"),
    ("get", "/api", {}, 404, "not_found"),
    ("get", "/api//users", {}, 404, "not_found"),
    ("get", "/docs/nothing.js", {}, 404, "not_found"),
    ("get", "/docs/../../etc/passwd", {}, 404, "not_found"),
    ("post", "/health", {}, 405, "method_not_allowed"),
    ("delete", "/api/users", {}, 405, "method_not_allowed"),
    ("post", "/docs", {}, 405, "method_not_allowed"),
    ("get", "/api/users", {"headers": {"Accept": "text/html"}}, 406, "not_acceptable"),
    ("get", "/api/users", {"headers": {"Accept": "application/json;q=0"}}, 406, "not_acceptable"),
    (
        "post",
        "/api/users",
        {"data": "x" * 70_000, "content_type": "application/json"},
        413,
        "payload_too_large",
    ),
    ("post", "/api/users", {"data": "x"}, 415, "unsupported_media_type"),
    (
        "post",
        "/api/users",
        {"data": "{", "content_type": "application/json"},
        400,
        "malformed_json",
    ),
    ("post", "/api/users", {"json": {}}, 400, "validation_failed"),
    ("get", "/api/users/me", {}, 401, "unauthenticated"),
    ("get", "/api/users/nobody", {}, 404, "user_not_found"),
]


@pytest.mark.parametrize(("method", "path", "arguments", "status", "code"), ERRORS)
def test_error_is_an_envelope_or_problem_json(client, method, path, arguments, status, code):
    response = getattr(client, method)(path, **arguments)
    assert (response.status_code, response.json["error"]["code"]) == (status, code)
    assert response.json["request_id"] == response.headers["X-Request-ID"]

    accept = {"Accept": "application/problem+json"}
    if status == 406:
        return
    problem = getattr(client, method)(path, **(arguments | {"headers": accept}))
    assert (problem.status_code, problem.mimetype) == (status, "application/problem+json")
    assert set(problem.json) == {
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "code",
        "errors",
        "request_id",
    }
    assert (problem.json["status"], problem.json["code"]) == (status, code)
    if status == 405:
        assert problem.headers["Allow"]


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "application/json; charset=utf-8",
        "application/*;version=1",
        "application/*",
        "text/html, */*;q=0.1",
        "application/json, text/plain",
    ],
)
def test_accept_header_that_allows_json_gets_json(client, accept):
    assert client.get("/api/users", headers={"Accept": accept}).mimetype == "application/json"
    assert client.get("/nowhere", headers={"Accept": accept}).mimetype == "application/json"


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("propagate", [None, False])
def test_crash_returns_500_without_details_and_is_logged(
    make_app, monkeypatch, caplog, debug, propagate
):
    app = make_app()
    app.debug = debug
    app.config["PROPAGATE_EXCEPTIONS"] = propagate

    def crash(*_, **__):
        raise RuntimeError(f"secret {PASSWORD}")

    monkeypatch.setattr("rollbook.users.service.UserService.list_users", crash)
    with caplog.at_level(logging.ERROR):
        response = app.test_client().get("/api/users", headers={"X-Request-ID": "crash-1"})
    assert response.status_code == 500
    assert response.json["error"]["code"] == "internal_error"
    assert PASSWORD not in response.get_data(as_text=True)
    assert "unhandled RuntimeError" in caplog.text


@pytest.mark.parametrize("sent", ["abc-123", "a" * 128, "trace:1/2.3_4+5="])
def test_safe_request_id_is_kept(client, sent):
    assert client.get("/ping", headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize(
    "sent", ["", "a" * 129, "ada@example.com", "a b", "a\tb", "é", '"><script>', "{}"]
)
def test_unsafe_request_id_is_replaced(client, sent):
    request_id = client.get("/ping", headers={"X-Request-ID": sent.encode("latin-1")}).headers[
        "X-Request-ID"
    ]
    assert request_id != sent
    assert len(request_id) == 32


def test_problem_json_may_have_parameters(client):
    response = client.get(
        "/nowhere",
        headers={"Accept": "application/problem+json; charset=utf-8, application/json;q=0.5"},
    )
    assert response.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {"If-Modified-Since": "Mon, 01 Jan 999999999999 00:00:00 GMT"},
        {"If-None-Match": "x" * 100},
        {"Range": "bytes=99999999-"},
        {"Range": "bytes=0-5", "If-Range": "Mon, 01 Jan 999999999999 00:00:00 GMT"},
    ],
)
def test_invalid_conditional_headers_are_ignored(client, headers):
    response = client.get("/docs/swagger-ui.css", headers=headers)
    assert (response.status_code, response.mimetype) == (200, "text/css")
    response.close()


def test_options_returns_204_with_the_methods(client):
    response = client.options("/api/users")
    assert response.status_code == 204
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_head_returns_no_body(client, ada):
    response = client.head(f"/api/users/{ada['id']}")
    assert (response.status_code, response.get_data()) == (200, b"")


@pytest.mark.parametrize("path", ["/ping/", "/api/users/", "/api/password-policy//", "/ready/"])
def test_trailing_slash_is_ignored(client, path):
    assert client.get(path).status_code == 200


def test_trailing_slash_keeps_the_body(client, stored):
    assert client.post("/api/users/", json=ADA).status_code == 201


def test_user_response_is_private_and_not_sniffed(client, ada):
    response = client.get(f"/api/users/{ada['id']}")
    assert (response.headers["Cache-Control"], response.headers["ETag"]) == (
        "private, no-cache",
        '"1"',
    )
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/api/users").headers["Cache-Control"] == "no-store"


def test_log_line_has_request_id_and_route_but_no_email(client, ada, caplog):
    with caplog.at_level(logging.INFO, "rollbook"):
        client.get(
            "/api/users/ada@example.com?sort=nobody@example.com",
            headers={"X-Request-ID": "find-me"},
        )
        client.post("/api/users", json=ADA)
    line = next(
        record for record in caplog.records if getattr(record, "request_id", "") == "find-me"
    )
    assert (line.method, line.route, line.status) == ("GET", "/api/users/{ref}", 400)
    everything = " ".join(str(vars(record)) for record in caplog.records)
    assert "example.com" not in everything
    assert PASSWORD not in everything


def test_json_log_has_one_object_per_line(capsys, make_app):
    saved = logging.root.handlers[:], logging.root.level
    try:
        logs.configure("DEBUG", "json")
        make_app().test_client().get("/ping", headers={"X-Request-ID": "line-1"})
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("rollbook.test").exception("two\nlines")
    finally:
        logging.root.handlers[:], level = saved
        logging.root.setLevel(level)
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    request = next(event for event in events if event.get("request_id") == "line-1")
    assert (request["method"], request["route"], request["status"]) == ("GET", "/ping", 200)
    assert "ValueError" in events[-1]["exception"]
    assert logging.getLogger("pymongo").level == logging.WARNING


@pytest.mark.parametrize("enabled", [True, False])
def test_setting_hides_the_client_address_from_the_log(make_app, caplog, enabled):
    client = make_app(log_client_address=enabled).test_client()
    with caplog.at_level("INFO", logger="rollbook.access_log"):
        client.get("/ping", environ_overrides={"REMOTE_ADDR": "203.0.113.9"})
    (line,) = [record for record in caplog.records if record.name == "rollbook.access_log"]
    assert getattr(line, "ip", None) == ("203.0.113.9" if enabled else None)


def test_log_line_says_who_asked_and_for_which_trace(guarded, client, ada, caplog):
    login = {"email": ADA["email"], "password": PASSWORD}
    signed_in = client.post("/api/auth/login", json=login).json["data"]
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
    with caplog.at_level(logging.INFO, "rollbook.access_log"):
        traced = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
        guarded.get("/api/auth/me", headers=headers | traced)
        guarded.get("/api/auth/me", headers=headers | {"traceparent": "00-x y@z"})
        guarded.get("/api/auth/me", headers={"Authorization": "Bearer of.no.use"})
    first, second, third = caplog.records
    assert (first.user, len(first.session), first.trace_id) == (ada["id"], 32, trace)
    assert not hasattr(second, "trace_id")
    assert not hasattr(third, "user")
    line = logs._TextFormatter().format(first)
    assert line.endswith(f" user={ada['id']} session={first.session} trace_id={trace}")
    assert headers["Authorization"].split()[1] not in str(vars(first))


def test_every_response_has_security_headers(client, ada):
    for path in (f"/api/users/{ada['id']}", "/api/users", "/nowhere", "/health", "/openapi.json"):
        response = client.get(path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert (
            response.headers["Content-Security-Policy"]
            == "default-src 'none'; frame-ancestors 'none'"
        )
    assert "script-src 'self'" in client.get("/docs/").headers["Content-Security-Policy"]


def test_personal_data_without_an_etag_is_not_cached(client, ada):
    for path in (
        "/api/users",
        f"/api/users/{ada['id']}/history",
        "/api/audit",
        f"/api/users/{ada['id']}/sessions",
    ):
        assert client.get(path).headers["Cache-Control"] == "no-store"
    response = client.get(f"/api/users/{ada['id']}")
    assert (response.headers["Cache-Control"], response.headers["ETag"]) == (
        "private, no-cache",
        '"1"',
    )
    assert client.delete(f"/api/users/{ada['id']}").headers["Cache-Control"] == "no-store"


def test_browser_is_told_to_stay_with_tls(make_app):
    """Strict-Transport-Security (RFC 6797), when a trusted proxy reports TLS."""
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    hsts = "Strict-Transport-Security"
    direct, proxied = make_app().test_client(), make_app(trusted_proxies=1).test_client()
    for path in ("/ping", "/api/users", "/docs", "/nowhere"):
        assert proxied.get(path, headers=forwarded).headers[hsts] == "max-age=31536000"
        assert hsts not in proxied.get(path, headers={"X-Forwarded-Proto": "http"}).headers
        assert hsts not in direct.get(path, headers=forwarded).headers
    whole = "max-age=63072000; includeSubDomains; preload"
    chosen = make_app(trusted_proxies=1, hsts=whole).test_client()
    assert chosen.get("/ping", headers=forwarded).headers[hsts] == whole


def test_log_says_who_has_signed_in(client, ada, caplog):
    credentials = {"email": ADA["email"], "password": PASSWORD}
    with caplog.at_level(logging.INFO, "rollbook.access_log"):
        tokens = client.post("/api/auth/login", json=credentials).json["data"]
        client.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        client.post("/api/auth/login", json=credentials | {"password": "wrong"})
    signed_in, refreshed, failed = caplog.records
    assert (signed_in.user, refreshed.user) == (ada["id"], ada["id"])
    assert signed_in.session == refreshed.session
    assert not hasattr(failed, "user")
