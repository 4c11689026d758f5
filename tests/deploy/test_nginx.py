"""The nginx of `docker compose --profile edge`, in front of a real server."""

import json
import socket
import subprocess
from http.client import HTTPResponse

import httpx
import pytest

from tests.harness.nginx import BINARY, nginx, serving_behind_nginx, trust_certificate

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs nginx; .ci/run installs one")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("edge")


@pytest.fixture(scope="module")
def edge(mongod, folder):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "edge", "LOG_FORMAT": "json"}
    with serving_behind_nginx(folder, **settings) as edge:
        yield edge


@pytest.fixture(scope="module")
def http(edge):
    with httpx.Client(base_url=edge.url, verify=edge.trust) as client:
        yield client


def test_self_made_certificate_is_valid(http):
    response = http.get("/ready")
    assert response.status_code == 200
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "nginx/" not in response.headers["Server"]


def test_http_2_is_spoken(edge, folder):
    command = ["curl", "-s", "--cacert", folder / "tls.crt", "-w", "%{http_version}", "-o"]
    shown = subprocess.run(
        [*command, "/dev/null", f"{edge.url}/ping"], capture_output=True, text=True
    )
    assert shown.stdout == "2"


def test_client_cannot_choose_its_address(http, edge):
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Request-ID": "spoofed-1"}
    assert http.get("/api/users", headers=headers).status_code == 200
    lines = map(json.loads, edge.server.log.read_text().splitlines())
    assert [line["ip"] for line in lines if line.get("request_id") == "spoofed-1"] == ["127.0.0.1"]


def test_large_body_is_refused_by_either(http):
    headers = {"Content-Type": "application/json"}
    for size in (70_000, 200_000):
        response = http.post("/api/users", content=b" " * size, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (
            413,
            "payload_too_large",
        )


def test_compressed_list_passes_through(http):
    plain, packed = (
        http.get("/openapi.json", headers={"Accept-Encoding": each}) for each in ("identity", "br")
    )
    assert packed.headers["Content-Encoding"] == "br"
    assert packed.json() == plain.json()


def test_plain_http_gets_an_envelope(edge):
    response = httpx.get(f"{edge.url.replace('https', 'http')}/api/users")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request")


def test_server_that_is_away_is_unavailable(tmp_path, capfd):
    with nginx(tmp_path, "http://127.0.0.1:1") as url:
        trust = trust_certificate(tmp_path)
        response = httpx.get(f"{url}/api/users/ada@house.org", verify=trust)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    body = response.json()
    assert (body["error"]["code"], body["status_code"]) == ("unavailable", 503)
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["Cache-Control"] == "no-store"
    assert "ada@house.org" not in capfd.readouterr().err


REFUSED = [
    b"GET /api/users?q=" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/3.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: nothing\r\n\r\n",
]


@pytest.mark.parametrize("sent", REFUSED, ids=["uri", "trace", "version", "hosts", "encoding"])
def test_what_nginx_refuses_gets_an_envelope(edge, sent):
    address = ("127.0.0.1", int(edge.url.rpartition(":")[2]))
    with (
        socket.create_connection(address, timeout=5) as plain,
        edge.trust.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        sock.sendall(sent)
        response = HTTPResponse(sock)
        response.begin()
        body = json.loads(response.read())
    assert (response.status, body["error"]["code"]) == (400, "bad_request")
    assert response.headers["X-Request-ID"] == body["request_id"]
