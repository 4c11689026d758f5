"""BREACHED_PASSWORDS: what is sent, what is refused, and what happens if the service fails."""

import hashlib
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rollbook.passwords import breached_passwords
from tests.conftest import ADA, PASSWORD

pytestmark = pytest.mark.slow

DIGEST = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()
LEAKED_RANGE = f"{DIGEST[5:]}:7\r\n" + "0" * 35 + ":0"
PADDED_RANGE = "1" * 35 + f":3\r\n{DIGEST[5:]}:0"


@contextmanager
def serve_range(body, *, status=200, pause=0.0, location=None):
    """A stand-in for the range API. Yields its URL and the list of requests that it received."""
    requests = []

    class Ranges(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append((self.path, dict(self.headers)))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            for part in [body[:10], body[10:20], body[20:]] if pause else [body]:
                self.wfile.write(part.encode())
                self.wfile.flush()
                time.sleep(pause)

        def log_message(self, *_): ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Ranges) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/range/", requests
        finally:
            server.shutdown()


def test_breached_password_check_sends_only_a_hash_prefix(make_app, stored):
    with serve_range(LEAKED_RANGE) as (url, requests):
        client = make_app(breached_passwords=url).test_client()
        response = client.post("/api/users", json=ADA)
        assert (response.status_code, response.json["error"]["code"]) == (400, "password_refused")
        assert [each["code"] for each in response.json["error"]["details"]] == ["breached"]
        assert client.get("/api/password-policy").json["data"]["refuses"][-1] == "breached"
    ((path, headers),) = requests
    assert path == f"/range/{DIGEST[:5]}"
    assert headers["Add-Padding"] == "true"
    assert stored.users.count_documents({}) == 0


def test_change_to_a_breached_password_is_refused(make_app, services, ada):
    with serve_range(LEAKED_RANGE) as (url, _):
        client = make_app(breached_passwords=url).test_client()
        response = client.patch(f"/api/users/{ada['id']}", json={"password": PASSWORD})
        assert [each["code"] for each in response.json["error"]["details"]] == ["breached"]
        assert client.patch(f"/api/users/{ada['id']}", json={"name": "Countess"}).status_code == 200


def test_padding_is_not_a_breach(make_app, stored):
    with serve_range(PADDED_RANGE) as (url, _):
        assert (
            make_app(breached_passwords=url).test_client().post("/api/users", json=ADA).status_code
            == 201
        )


def test_redirect_is_not_followed(make_app, stored, caplog):
    with (
        serve_range(LEAKED_RANGE) as (elsewhere, requests),
        serve_range("", status=302, location=elsewhere) as (url, _),
        caplog.at_level(logging.WARNING),
    ):
        client = make_app(breached_passwords=url).test_client()
        assert client.post("/api/users", json=ADA).status_code == 201
    assert requests == []
    assert "the breached-passwords service failed (HTTPError)" in caplog.text


@pytest.mark.parametrize("failure", ["unreachable", "error", "invalid", "slow", "silent"])
def test_password_is_accepted_if_the_service_fails(make_app, stored, caplog, monkeypatch, failure):
    monkeypatch.setattr(breached_passwords, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(breached_passwords, "_pool", ThreadPoolExecutor(4))
    replies = {
        "error": ("", 503, 0.0),
        "invalid": ("<html>", 200, 0.0),
        "slow": (LEAKED_RANGE, 200, 0.25),
    }
    body, status, pause = replies.get(failure, ("", 200, 0.0))
    stand_in = serve_range(body, status=status, pause=pause)
    with ExitStack() as stack, stand_in as (url, _), caplog.at_level(logging.WARNING):
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        ports = {"unreachable": 9, "silent": silent.getsockname()[1]}
        url = f"http://127.0.0.1:{ports[failure]}/range/" if failure in ports else url
        client = make_app(breached_passwords=url).test_client()
        started = time.monotonic()
        assert client.post("/api/users", json=ADA).status_code == 201
        assert time.monotonic() - started < 2
    assert "the breached-passwords service failed" in caplog.text
    assert DIGEST[:5] not in caplog.text
    assert PASSWORD not in caplog.text


def test_breached_password_check_is_off_by_default(settings):
    assert settings.breached_passwords_url is None
