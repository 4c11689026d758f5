"""The recipes of docs/verifying-tokens.md, each run against a server as it stands there."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

from tests.harness.node import NODE, install_packages, needs_node
from tests.harness.serving import ROOT, get_free_port, serving, wait_until
from tests.serving.guarded import GUARDED, register

RECIPES = ROOT / "docs" / "recipes"
NGINX = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")


@pytest.fixture(scope="module")
def server(mongod, tmp_path_factory):
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "recipes", **GUARDED}
    with serving(tmp_path_factory.mktemp("server"), **settings) as running:
        running.await_status("/ready", 200)
        yield running


@contextmanager
def running(command, folder, port, **environment):
    """A process that listens on `port` of loopback."""
    process = subprocess.Popen(command, cwd=folder, env=os.environ | environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or answers(url))
        assert process.poll() is None
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answers(url):
    try:
        return httpx.get(f"{url}/orders").status_code
    except httpx.TransportError:
        return None


def check(server, url):
    """Only a valid access token is let in. Returns the statuses before and after a sign-out."""
    with httpx.Client(base_url=server.url, timeout=30) as http:
        user = register(http, f"user{get_free_port()}")
        forged = user.access_token[:-4] + "AAAA"
        for headers in ({}, {"Authorization": f"Bearer {forged}"}, {"Authorization": "Bearer x"}):
            assert httpx.get(f"{url}/orders", headers=headers).status_code == 401
        allowed = httpx.get(f"{url}/orders", headers=user.headers)
        assert http.post("/api/auth/logout", headers=user.headers).status_code == 204
        return user, allowed, httpx.get(f"{url}/orders", headers=user.headers).status_code


@needs_node
def test_express_verifies_tokens(server, tmp_path):
    for file in (RECIPES / "express.mjs", ROOT / "tests" / "recipes" / "package.json"):
        shutil.copy(file, tmp_path)
    install_packages(tmp_path)
    port = get_free_port()
    with running(
        [NODE, "express.mjs"], tmp_path, port, ROLLBOOK_URL=server.url, PORT=str(port)
    ) as url:
        user, allowed, after = check(server, url)
    assert (allowed.status_code, allowed.json()["owner"]) == (200, user.id)
    assert after == 200, "a token that is verified offline is valid until it expires"


def test_fastapi_verifies_tokens(server, tmp_path):
    shutil.copy(RECIPES / "fastapi_app.py", tmp_path)
    port = get_free_port()
    command = [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--port", str(port)]
    with running(command, tmp_path, port, ROLLBOOK_URL=server.url) as url:
        user, allowed, after = check(server, url)
    assert (allowed.status_code, allowed.json()["owner"]) == (200, user.id)
    assert after == 200, "a token that is verified offline is valid until it expires"


@pytest.mark.skipif(NGINX is None, reason="needs nginx; .ci/run installs it")
def test_nginx_asks_rollbook(server, tmp_path):
    port = get_free_port()
    text = (RECIPES / "nginx.conf").read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    text = text.replace("http://127.0.0.1:5000", server.url)
    (tmp_path / "nginx.conf").write_text(f"daemon off;\npid {tmp_path}/nginx.pid;\n{text}")
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "orders").write_text("orders")
    (tmp_path / "logs").mkdir()
    tmp_path.chmod(0o755)
    command = [NGINX, "-p", str(tmp_path), "-c", "nginx.conf", "-e", "error.log", "-g"]
    with running([*command, "user root;" if os.getuid() == 0 else ""], tmp_path, port) as url:
        _, allowed, after = check(server, url)
    assert (allowed.status_code, allowed.text) == (200, "orders")
    assert after == 401, "nginx asks each time"
