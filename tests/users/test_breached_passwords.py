"""BREACHED_PASSWORDS: what is asked for, what is refused, and that nobody is kept out when there is no answer."""

import hashlib
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rollbook.users import breached_passwords
from tests.conftest import ADA, PASSWORD

DIGEST = hashlib.sha1(PASSWORD.encode()).hexdigest().upper()
LEAKED = f"{DIGEST[5:]}:7\r\n" + "0" * 35 + ":0"
PADDED = "1" * 35 + f":3\r\n{DIGEST[5:]}:0"


@contextmanager
def mirror(answer, *, status=200, pause=0.0):
    """A stand-in for the range API; what was asked of it."""
    asked = []

    class Ranges(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            self.send_response(status)
            self.end_headers()
            for part in [answer[:10], answer[10:20], answer[20:]] if pause else [answer]:
                self.wfile.write(part.encode())
                self.wfile.flush()
                time.sleep(pause)

        def log_message(self, *_): ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Ranges) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/range/", asked
        finally:
            server.shutdown()


def test_a_breached_password_is_refused_and_only_five_digits_of_its_hash_leave(make_app, stored):
    with mirror(LEAKED) as (url, asked):
        client = make_app(breached_passwords=url).test_client()
        answer = client.post("/api/users", json=ADA)
        assert (answer.status_code, answer.json["error"]["code"]) == (400, "password_refused")
        assert [each["code"] for each in answer.json["error"]["details"]] == ["breached"]
        assert client.get("/api/password-policy").json["data"]["refuses"][-1] == "breached"
    ((path, headers),) = asked
    assert path == f"/range/{DIGEST[:5]}"
    assert headers["Add-Padding"] == "true"
    assert stored.users.count_documents({}) == 0


def test_so_is_a_new_password_for_oneself(make_app, services, ada):
    with mirror(LEAKED) as (url, _):
        client = make_app(breached_passwords=url).test_client()
        answer = client.patch(f"/api/users/{ada['id']}", json={"password": PASSWORD})
        assert [each["code"] for each in answer.json["error"]["details"]] == ["breached"]
        assert client.patch(f"/api/users/{ada['id']}", json={"name": "Countess"}).status_code == 200


def test_padding_is_no_breach(make_app, stored):
    with mirror(PADDED) as (url, _):
        assert make_app(breached_passwords=url).test_client().post("/api/users", json=ADA).status_code == 201


@pytest.mark.parametrize("what", ["nobody", "error", "rubbish", "slow", "silent"])
def test_without_an_answer_the_password_is_taken_and_the_log_says_so(make_app, stored, caplog, monkeypatch, what):
    monkeypatch.setattr(breached_passwords, "SECONDS", 0.3)
    monkeypatch.setattr(breached_passwords, "_asking", ThreadPoolExecutor(4))
    answers = {"error": ("", 503, 0.0), "rubbish": ("<html>", 200, 0.0), "slow": (LEAKED, 200, 0.25)}
    answer, status, pause = answers.get(what, ("", 200, 0.0))
    stand_in = mirror(answer, status=status, pause=pause)
    with ExitStack() as stack, stand_in as (url, _), caplog.at_level(logging.WARNING):
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        others = {"nobody": 9, "silent": silent.getsockname()[1]}
        url = f"http://127.0.0.1:{others[what]}/range/" if what in others else url
        client = make_app(breached_passwords=url).test_client()
        started = time.monotonic()
        assert client.post("/api/users", json=ADA).status_code == 201
        assert time.monotonic() - started < 2
    assert "breached passwords cannot be asked for" in caplog.text
    assert DIGEST[:5] not in caplog.text
    assert PASSWORD not in caplog.text


def test_by_default_nobody_is_asked(settings):
    assert settings.breaches_url is None
