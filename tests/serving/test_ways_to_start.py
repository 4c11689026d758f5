"""Every documented way to start, besides `make run` and containers, in an empty folder."""

import shutil
import subprocess
import sys

import httpx
import pytest

from tests.conftest import ADA
from tests.harness.serving import ROOT, get_free_port, run_python, serving, wait_until
from tests.serving.guarded import client

GUNICORN = ("-m", "gunicorn", "--workers", "2", "--threads", "4")


@pytest.fixture
def settings(mongod):
    return {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "ways"}


def test_gunicorn_serves_the_wsgi_app(tmp_path, settings):
    port = get_free_port()
    command = (*GUNICORN, "--bind", f"127.0.0.1:{port}", "rollbook.wsgi:app")
    with serving(tmp_path, *command, PORT=port, **settings) as server, client(server) as http:
        server.await_status("/ready", 200)
        created = http.post("/api/users", json=ADA)
        assert created.status_code == 201
        assert http.delete(f"/api/users/{created.json()['data']['id']}").status_code == 204
        assert "AUTH_REQUIRED=false: EVERY CALLER" in server.log.read_text()


def test_gunicorn_without_a_database_ends_with_one_line(tmp_path):
    command = (*GUNICORN, "--bind", f"127.0.0.1:{get_free_port()}", "rollbook.wsgi:app")
    ended = run_python(tmp_path, *command)
    assert ended.returncode != 0
    # If both workers end at one instant, gunicorn prints a traceback of its own.
    assert f'File "{ROOT / "src"}' not in ended.stderr
    assert f"MONGODB_URI: not set, and no private MongoDB is running in {tmp_path}" in ended.stderr


@pytest.mark.long
def test_flask_run_reloads_changed_code(clone, settings):
    port = get_free_port()
    command = ("-m", "flask", "--app", "rollbook.wsgi", "run", "--debug", "--port", str(port))
    settings |= {"PYTHONPATH": clone / "src"}
    with serving(clone, *command, PORT=port, **settings) as server:
        server.await_status("/ready", 200)
        resources = clone / "src" / "rollbook" / "ops" / "resources.py"
        resources.write_text(resources.read_text().replace("The service answers.", "Reloaded."))

        def is_reloaded():
            try:
                return httpx.get(f"{server.url}/ping").json()["message"] == "Reloaded."
            except httpx.TransportError:
                return False

        wait_until(is_reloaded, seconds=30)


@pytest.mark.long
def test_wsgi_app_finds_a_running_private_mongodb(tmp_path):
    with serving(tmp_path, str(ROOT / "run.py")) as first:
        first.await_status("/ready", 200)
        port = get_free_port()
        command = ("-m", "flask", "--app", "rollbook.wsgi", "run", "--port", str(port))
        with serving(tmp_path, *command, PORT=port) as second:
            second.await_status("/ready", 200)


@pytest.mark.long
def test_uv_sync_and_uv_run_start_it(clone):
    uv = shutil.which("uv") or str(ROOT / ".venv" / "bin" / "uv")
    options = ("--quiet", "--system-certs", "--python", sys.executable)
    subprocess.run([uv, "sync", *options], cwd=clone, check=True, timeout=110)
    with serving(clone, "-m", "uv", "run", *options, "run.py") as server:
        server.await_status("/ready", 200, seconds=60)
        assert (clone / ".data" / "db").is_dir()
