"""A release: the wheel runs anywhere, and next to the release before it."""

import itertools
import re
import subprocess
import sys
import tarfile
import threading
import time
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from packaging.version import Version

from rollbook import __version__
from tests.conftest import PASSWORD
from tests.harness.serving import serving
from tests.serving.guarded import GUARDED, client, run_command, sign_in

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
LAST_RELEASE = re.compile(r"^## \[(\d+\.\d+\.\d+)\].*\n\nCommit ([0-9a-f]{40})\.$", re.M)
CLIENTS = 4
PHASE_SECONDS = 3


def test_version_is_the_latest_release_or_follows_it():
    version, _ = LAST_RELEASE.search(CHANGELOG).groups()
    assert Version(__version__) >= Version(version)


@pytest.mark.long
def test_wheel_is_installed_and_runs_anywhere(clone, mongod, tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, clone], check=True)
    (wheel,) = tmp_path.glob("rollbook-*.whl")
    python = tmp_path / "venv/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pins = re.sub(r" \\\n.*--hash=.*", "", (ROOT / "requirements.txt").read_text())
    (tmp_path / "pins.txt").write_text(pins)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", "-c", tmp_path / "pins.txt", wheel], check=True)
    printed = subprocess.run(
        [python.with_name("rollbook"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert printed == f"rollbook, version {__version__}\n"
    folder = tmp_path / "empty"
    folder.mkdir()
    settings = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "wheel"}
    with (
        serving(folder, python=str(python), **settings) as server,
        client(server) as http,
    ):
        server.await_status("/ready", 200)
        assert http.get("/health").json()["data"]["version"] == __version__
        assert http.get("/docs/swagger-ui.css").status_code == 200
        weak = {"name": "Ada", "email": "ada@example.com", "password": "password1"}
        assert http.post("/api/users", json=weak).status_code == 400
        assert http.post("/api/users", json=weak | {"password": PASSWORD}).status_code == 201


def unpack_last_release(folder):
    _, commit = LAST_RELEASE.search(CHANGELOG).groups()
    archive = subprocess.run(
        ["git", "archive", commit, "src"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"the history of this clone does not have {commit}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder / "src"


class Load:
    """Clients that use all servers of `urls` in turn, until it is closed."""

    def __init__(self, urls, headers):
        self.urls, self.headers = list(urls), headers
        self.failures, self.done = [], 0
        self._numbers, self._closed = itertools.count(), threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        with httpx.Client(headers=self.headers, timeout=30) as http:
            while not self._closed.is_set():
                self._change_a_user(http, next(self._numbers))

    def _change_a_user(self, http, number):
        """Create, change, read and delete a user: each on the next server."""
        first, *rest = itertools.islice(itertools.cycle(self.urls), number % 7, number % 7 + 4)
        body = {"name": "A", "email": f"u{number}@example.com", "password": PASSWORD}
        created = self._send(http.post, f"{first}/api/users", 201, json=body)
        if created is None:
            return
        path = f"/api/users/{created['id']}"
        self._send(http.patch, rest[0] + path, 200, json={"name": "B"})
        read = self._send(http.get, rest[1] + path, 200)
        if read and read["name"] != "B":
            self.failures.append(f"{rest[1]} read the name before the change")
        self._send(http.delete, rest[2] + path, 204)

    def _send(self, method, url, expected, **options):
        for _ in range(100):
            try:
                response = method(url, **options)
            except httpx.TransportError as error:
                self.failures.append(f"{method.__name__} {url}: {error!r}")
                return None
            if response.status_code != 503 or response.json()["error"]["code"] != "too_busy":
                break
            time.sleep(0.02)
        self.done += 1
        if response.status_code != expected:
            self.failures.append(f"{method.__name__} {url}: {response.text}")
            return None
        return response.json()["data"] if response.content else None


@pytest.mark.long
def test_last_release_and_this_version_serve_one_database(mongod, tmp_path):
    """Start the new version, let both serve, then stop the old one: no request fails."""
    source = unpack_last_release(tmp_path)
    settings = GUARDED | {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "upgrade"}
    with serving(tmp_path, **settings | {"PYTHONPATH": source}) as old:
        old.await_status("/ready", 200)
        with httpx.Client(base_url=old.url, timeout=30) as http:
            headers = sign_in(http).headers
        with Load([old.url], headers) as load:
            time.sleep(PHASE_SECONDS)
            assert run_command(tmp_path, "migrate", **settings).returncode == 0
            with serving(tmp_path, **settings) as new:
                new.await_status("/ready", 200)
                load.urls = [old.url, new.url]
                time.sleep(PHASE_SECONDS)
                load.urls = [new.url]
                time.sleep(1)
                assert old.stop() == 0
                time.sleep(PHASE_SECONDS)
                load.__exit__()
                assert load.failures == []
                assert load.done > 100
